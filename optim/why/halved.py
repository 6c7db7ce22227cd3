"""What a graph computes in half precision and the engine in another."""

from optim.why.evidence import Evidence
from optim.why.quantized import types_of

_TYPES = {"fp16": "float16", "bf16": "bfloat16"}


def halved(seen: Evidence, precision: str) -> tuple[tuple[str, ...], str]:
    """Nodes in fp16 (or bf16) by the graph, and what their products run in; none where kept."""
    counted = [row for row in seen.graph.nodes if row.flops]
    half = [row.name for row in counted if row.precision == precision]
    half = half or [row.name for row in counted if _TYPES[precision] in types_of(row)]
    ran = {work.precision for work in seen.executed if work.multiplies}
    if not half or ran == {precision}:
        return (), ""
    return tuple(half), " and ".join(sorted(filter(None, ran))) or "fp32"
