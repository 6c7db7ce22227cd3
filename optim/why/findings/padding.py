"""Padding that is computed in vain."""

from collections.abc import Iterator

from optim.names import legible
from optim.showing.text import milliseconds
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.input_seen import InputSeen
from optim.why.mending import with_pass
from optim.why.saying import percent

_MATTERS = 0.1
_UNUSED = 0.01
_CUTS = "true_length"
_SMALLER = (
    "Export with open height and width, or for a size of the pictures' own shape, and bring "
    "pictures without bars; sort them by shape where they are run together."
)


def find(seen: Evidence) -> Iterator[Finding]:
    """Inputs that end (or begin) in one filler, or lie in bars, in most samples.

    Not where a pass cuts it off. Its cost is an estimate until the pass is tried: time in
    nodes, in proportion to the places.
    """
    padded = {n: one for n, one in seen.observed.inputs.items() if one.padded > _MATTERS}
    cut = any(report.name == _CUTS and report.modified for report in seen.trial.reports)
    if not padded or seen.evalset.synthetic or cut:
        return
    name, worst = max(padded.items(), key=lambda item: item[1].padded)
    yield Finding(
        nodes=(name,),
        text=f"On average {percent(worst.padded)} of the input {legible(name)} is padding, "
        f"which is computed like everything else.{_longest(worst)}",
        cost_ms=_in_nodes(seen) * worst.padded,
        advice=_SMALLER
        if worst.pictured
        else "Compute on each sample's own length (true_length does so inside of the graph), or "
        f"sort requests by length and run short ones with a model of a short length."
        f"{_one_length(seen, worst)}",
        recipe="" if worst.pictured else with_pass(seen.recipe, _CUTS),
    )


def _longest(one: InputSeen) -> str:
    if one.least_padded <= _UNUSED:
        return ""
    of = "largest picture needs" if one.pictured else "longest sample needs"
    parts = "pixels" if one.pictured else "places"
    return f" Even the {of} {one.needed} of the {one.places} {parts}."


def _one_length(seen: Evidence, one: InputSeen) -> str:
    """What one shorter length for all would bring, which is less; and how to get there."""
    if one.least_padded <= _UNUSED:
        return ""
    named = [name for name, size in seen.original.dims.items() if size == one.places]
    how = f"bound (--dim {named[0]}={one.needed})" if named else "exported"
    saved = milliseconds(_in_nodes(seen) * one.least_padded)
    return (
        f" One length for all, {how} to fit the longest, saves about {saved} a run; more where "
        "attention takes the time, which falls with the square of the length."
    )


def _in_nodes(seen: Evidence) -> float:
    """Of a run, in ms: what is outside of nodes is the same at any length."""
    return min(seen.p50_ms, seen.after.nodes_us / 1e3)
