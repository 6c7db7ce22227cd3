"""16-bit activations: no CPU engine here has kernels for them, so they are computed in float."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed
from optim.why.quantized import quantized_products
from optim.why.saying import many, named

_WIDE = ("uint16", "int16")


def find(seen: Evidence) -> Iterator[Finding]:
    """Products whose activations have 16 bits."""
    nodes = tuple(
        one.row.name for one in quantized_products(seen.graph) if one.activations in _WIDE
    )
    if not nodes:
        return
    yield Finding(
        nodes=nodes,
        text=f"Activations of {many(nodes, 'product')} have 16 bits ({named(nodes)}). The CPU "
        "engines have no integer kernels for that: they round to 16 bits and compute in "
        "float, which is slower than float alone.",
        advice="Use 8-bit activations (activations=u8) where the quality allows, or leave these "
        "nodes in float.",
        recipe=changed(seen.recipe, "static_int8", activations="u8"),
    )
