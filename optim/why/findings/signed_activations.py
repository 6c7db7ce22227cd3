"""Signed activations: the fast 8-bit kernels on x86 take unsigned ones."""

from collections.abc import Iterator

from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed
from optim.why.quantized import quantized_products
from optim.why.saying import many, named


def find(seen: Evidence) -> Iterator[Finding]:
    """Products of signed activations on ONNX Runtime, which computes them slowly on x86."""
    signed = [one for one in quantized_products(seen.graph) if one.activations == "int8"]
    nodes = tuple(one.row.name for one in signed)
    if not nodes or seen.engine != "onnxruntime":
        return
    measured = seen.here.cited("s8s8", "u8s8", runtime=seen.engine)
    yield Finding(
        nodes=nodes,
        text=f"Activations of {many(nodes, 'product')} are signed 8-bit integers (s8: "
        f"{named(nodes)}). ONNX Runtime's fast kernels on x86 take unsigned ones (u8s8). "
        f"{measured}".strip(),
        cost_ms=None,
        advice="Use unsigned activations (activations=u8)."
        if seen.part("static_int8")
        else "The model was brought this way: quantize it again with unsigned activations.",
        recipe=changed(seen.recipe, "static_int8", activations="u8"),
    )
