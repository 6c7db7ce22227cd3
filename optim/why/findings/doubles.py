"""Arithmetic in 64 bits: half the speed of 32, and few fast kernels."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.quantized import types_of
from optim.why.saying import does, many, named, percent

_MATTERS = 0.05


def find(seen: Evidence) -> Iterator[Finding]:
    """Nodes that compute in float64 and take time."""
    rows = {row.name for row in seen.graph.nodes if row.flops and "float64" in types_of(row)}
    works = [work for work in seen.executed if work.name in rows]
    if seen.share(works) < _MATTERS:
        return
    nodes = tuple(w.name for w in sorted(works, key=lambda work: -work.microseconds))
    yield Finding(
        nodes=nodes,
        text=f"{many(nodes, 'node')} {does(nodes, 'compute')} in 64 bits ({named(nodes)}), "
        f"{percent(seen.share(works))} of a run: twice the bytes, half the numbers per "
        "instruction, and no fused kernels.",
        cost_ms=seen.ms(works) / 2,
        advice="Export the model in 32 bits (PyTorch: model.float()).",
    )
