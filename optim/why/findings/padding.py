"""Padding that is computed in vain."""

from collections.abc import Iterator

from optim.names import legible
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.saying import percent

_MATTERS = 0.2


def find(seen: Evidence) -> Iterator[Finding]:
    """Inputs that end (or begin) in one filler, in most samples."""
    padded = {n: one for n, one in seen.observed.inputs.items() if one.padded > _MATTERS}
    if not padded or seen.evalset.synthetic:
        return
    name, worst = max(padded.items(), key=lambda item: item[1].padded)
    longest = round(worst.places * (1 - worst.least_padded))
    unused = (
        f" Even the longest sample needs {longest} of the {worst.places} places."
        if worst.least_padded > 0.01
        else ""
    )
    yield Finding(
        nodes=(name,),
        text=f"On average {percent(worst.padded)} of the input {legible(name)} is padding, "
        f"which is computed like everything else.{unused}",
        cost_ms=seen.p50_ms * worst.padded,
        advice=(
            f"Bind the model to {longest} places (--dim, or a shorter EvalSet); "
            if unused
            else "Sort requests by length and run short ones with a model bound to a short length; "
        )
        + "the time that attention takes falls with the square of the length.",
    )
