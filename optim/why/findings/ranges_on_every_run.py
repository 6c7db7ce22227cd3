"""Dynamic quantization's own cost: ranges of activations are measured on every run."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import instead
from optim.why.saying import named, percent

_MATTERS = 0.05
_MEASURES = "DynamicQuantizeLinear"


def find(seen: Evidence) -> Iterator[Finding]:
    """Time in DynamicQuantizeLinear that is worth a sentence."""
    works = [work for work in seen.executed if work.executed_op == _MEASURES]
    if seen.share(works) < _MATTERS:
        return
    nodes = tuple(work.name for work in works)
    yield Finding(
        nodes=nodes,
        text=f"{percent(seen.share(works))} of a run measures ranges and rounds activations "
        f"({len(works)} {_MEASURES}: {named(nodes)}), since dynamic int8 does so on every run.",
        cost_ms=seen.ms(works),
        advice="Ranges measured beforehand (static_int8) save that; judge its quality.",
        recipe=instead(seen.recipe, "dynamic_int8", "static_int8")
        if seen.part("dynamic_int8")
        else "",
    )
