"""Why one recipe is faster or slower than another, in sentences that follow from two profiles."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.explaining.executed import Executed, Pair, Side, executed, pairs
from optim.explaining.profile import TOO_LONG
from optim.names import legible

_SLOWER = 1.25  # a node's time comes from one process: smaller ratios are noise
_MATTERS = 0.01  # share of the total time below which a change is not worth a sentence
_OUTSIDE = 0.3  # share of the median run outside all nodes that is worth one
_NAMED = 3
_LISTED = 5

ReasonKind = Literal["gain", "cost", "note"]


class Reason(BaseModel):
    """One sentence of an explanation. `share` is how much of the compared time it is about."""

    model_config = ConfigDict(frozen=True)

    code: str
    kind: ReasonKind
    text: str
    share: float = 0.0


def explain(before: Side, after: Side) -> tuple[Reason, ...]:
    """Why `after` is faster or slower than `before`, costs first, the largest share first.

    Nothing is read off node times that add up to far more than the run: that is all that is said.
    """
    if doubts := [*_disturbed("Before", before), *_disturbed("After", after)]:
        return (*doubts, *_total_time(before, after))
    matched = pairs(before, after)
    reasons = [
        *_not_lowered(after),
        *_conversions(before, after),
        *_slower(before, after, matched),
        *_outside(after),
        *_faster(before, matched),
        *_regrouped(before, matched),
        *_total_time(before, after),
    ]
    order = ("cost", "gain", "note")
    return tuple(sorted(reasons, key=lambda reason: (order.index(reason.kind), -reason.share)))


def _not_lowered(after: Side) -> list[Reason]:
    """Matrix products that did not get the precision that the recipe asks for."""
    products = [work for work in executed(after) if work.multiplies]
    stayed = sorted(
        (w for w in products if w.precision != after.wanted), key=lambda w: -w.microseconds
    )
    if not after.wanted or not products:
        return []
    if not stayed:
        text = f"Every matrix operator ({len(products)}) runs in {after.wanted}."
        return [Reason(code="all_lowered", kind="note", text=text)]
    share = _share(stayed, after)
    text = (
        f"{len(stayed)} of {len(products)} matrix operators do not run in {after.wanted} and take "
        f"{_percent(share)} of the time: {_names(stayed)}."
    )
    bare = sum(not work.has_weights for work in stayed)
    if bare:
        text += f" {bare} of them multiply two activations and have no weights to convert."
    return [Reason(code="not_lowered", kind="cost", text=text, share=share)]


def _conversions(before: Side, after: Side) -> list[Reason]:
    """Changes of type and layout that the other side does not have."""
    old, new = ([w for w in executed(side) if w.converts] for side in (before, after))
    share = _share(new, after)
    added = sum(w.microseconds for w in new) - sum(w.microseconds for w in old)
    if added < _MATTERS * (after.nodes_us or 1.0):
        return []
    kinds = ", ".join(f"{op} {n}" for op, n in Counter(w.executed_op for w in new).most_common())
    text = (
        f"{len(new)} changes of type or layout ({kinds}) take {_percent(share)} of the time; "
        f"before there were {len(old)}."
    )
    return [Reason(code="conversions", kind="cost", text=text, share=share)]


def _slower(before: Side, after: Side, matched: Sequence[Pair]) -> list[Reason]:
    """The nodes that lost most."""
    limit = _MATTERS * before.nodes_us
    slower = [
        pair
        for pair in matched
        if pair.before_us
        and pair.after_us
        and pair.after_us > _SLOWER * pair.before_us
        and pair.extra_us > limit
    ]
    return [
        Reason(
            code="slower",
            kind="cost",
            text=f"{legible(pair.name)} ({pair.op}) got slower: {_us(pair.before_us)} became "
            f"{_us(pair.after_us)}, run as {pair.after_op}"
            f"{f' in {pair.after_precision}' if pair.after_precision else ''}.",
            share=pair.extra_us / (after.nodes_us or 1.0),
        )
        for pair in slower[:_LISTED]
    ]


def _faster(before: Side, matched: Sequence[Pair]) -> list[Reason]:
    """The operators whose nodes gained most, counting only nodes that both sides have."""
    groups: dict[str, list[Pair]] = {}
    for pair in matched:
        if pair.before_us and pair.after_us:
            groups.setdefault(pair.op, []).append(pair)
    found = []
    for op, group in groups.items():
        old = sum(pair.before_us or 0 for pair in group)
        new = sum(pair.after_us or 0 for pair in group)
        share = (old - new) / (before.nodes_us or 1.0)
        if old > _SLOWER * new and share > _MATTERS:
            text = (
                f"{op} ({len(group)} nodes) got faster: {_us(old)} became {_us(new)}; "
                f"that saves {_percent(share)} of the time before."
            )
            found.append(Reason(code="faster", kind="gain", text=text, share=share))
    return sorted(found, key=lambda reason: -reason.share)[:_NAMED]


def _regrouped(before: Side, matched: Sequence[Pair]) -> list[Reason]:
    """Executed that only one side has by name: what was fused into other nodes, and these."""
    gone = [pair for pair in matched if pair.after_us is None and not pair.converts]
    new = [pair for pair in matched if pair.before_us is None and not pair.converts]
    old_us = sum(pair.before_us or 0 for pair in gone)
    new_us = sum(pair.after_us or 0 for pair in new)
    change = new_us - old_us
    if not gone or not new or max(old_us, new_us) < _MATTERS * before.nodes_us:
        return []
    ops = ", ".join(f"{op} {n}" for op, n in Counter(p.op for p in new).most_common(_NAMED))
    text = (
        f"{len(gone)} nodes that took {_us(old_us)} were fused or replaced; the {len(new)} in "
        f"their place ({ops}) take {_us(new_us)}."
    )
    kind: ReasonKind = "note"
    if max(old_us, new_us) > _SLOWER * min(old_us, new_us):
        kind = "cost" if change > 0 else "gain"
    share = abs(change) / (before.nodes_us or 1.0)
    return [Reason(code="regrouped", kind=kind, text=text, share=share)]


def _total_time(before: Side, after: Side) -> list[Reason]:
    text = (
        f"{len(before.profile)} executed nodes became {len(after.profile)}; all together they "
        f"take {_us(after.total_us)} per run, before {_us(before.total_us)}."
    )
    return [Reason(code="total", kind="note", text=text)]


def _outside(after: Side) -> list[Reason]:
    """Time of a run that no node has: the engine's own cost per run."""
    if not after.p50_us:
        return []
    share = 1 - after.total_us / after.p50_us
    if share < _OUTSIDE:
        return []
    text = (
        f"{_percent(share)} of a run is in no node's time: passing inputs and outputs, starting "
        "the engine, nodes too short for its profiler. No change of the graph makes that faster."
    )
    return [Reason(code="outside", kind="cost", text=text, share=share)]


def _disturbed(which: str, side: Side) -> list[Reason]:
    """Doubt where the nodes take longer than the run that they are in."""
    if not side.p50_us or side.total_us <= TOO_LONG * side.p50_us:
        return []
    text = (
        f"{which}, the profiled nodes add up to {_us(side.total_us)}, but a run takes "
        f"{_us(side.p50_us)}: the machine was busy, or profiling slows these nodes down, so their "
        "times explain nothing. Profile again when nothing else runs, or open Why, which times "
        "what would mend it."
    )
    return [Reason(code="disturbed", kind="note", text=text)]


def _share(found: Iterable[Executed], side: Side) -> float:
    return sum(work.microseconds for work in found) / (side.nodes_us or 1.0)


def _names(found: Sequence[Executed]) -> str:
    named = ", ".join(f"{legible(w.name)} ({w.executed_op})" for w in found[:_NAMED])
    rest = len(found) - _NAMED
    return f"{named} and {rest} more" if rest > 0 else named


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.1f} %"


def _us(value: float | None) -> str:
    value = value or 0.0
    return f"{value:,.0f} µs" if value >= 10 else f"{value:.2g} µs"
