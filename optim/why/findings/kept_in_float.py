"""Products with weights that the recipe wanted in a lower precision and that stayed in float."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.quantized import quantized_products
from optim.why.saying import does, many, named, percent

_MATTERS = 0.1


def find(seen: Evidence) -> Iterator[Finding]:
    """By the profile; those that the graph has quantized are another finding's."""
    wanted = seen.after.wanted
    meant = {one.row.name for one in quantized_products(seen.graph)}
    stayed = [
        work
        for work in seen.executed
        if work.multiplies
        and work.has_weights
        and work.precision != wanted
        and work.name not in meant
        and _is_float(seen, work.name, wanted)
    ]
    if not wanted or seen.share(stayed) < _MATTERS:
        return
    stayed.sort(key=lambda work: -work.microseconds)
    nodes = tuple(work.name for work in stayed)
    yield Finding(
        nodes=nodes,
        text=f"{many(stayed, 'product')} with weights {does(stayed, 'are')} not run in {wanted}: "
        f"{percent(seen.share(stayed))} of a run, {named(nodes)} "
        f"({', '.join(sorted({work.op for work in stayed}))}).",
        cost_ms=None,
        advice="Name their operator in the pass (op_types), take them off its exclude list, or use "
        "an engine with a kernel for it.",
    )


def _is_float(seen: Evidence, name: str, wanted: str) -> bool:
    """Whether the graph leaves it in float; what an engine makes of the rest is another finding."""
    row = seen.rows.get(name)
    return row is None or row.precision != wanted
