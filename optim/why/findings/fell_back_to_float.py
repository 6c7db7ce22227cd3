"""Products that were quantized but that the engine computes in float all the same."""

from collections.abc import Iterator

from optim.explaining.executed import INT8
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import left_in_float
from optim.why.quantized import quantized_products
from optim.why.saying import does, many, named, percent

_WHOLE = ("int8", "uint8", "int16", "uint16", "int4", "uint4")


def find(seen: Evidence) -> Iterator[Finding]:
    """Products of whole numbers by the graph, of fp32 by the profile."""
    meant = {
        one.row.name
        for one in quantized_products(seen.graph)
        if one.activations in _WHOLE and one.weights in _WHOLE
    }
    stayed = [
        work
        for work in seen.executed
        if work.multiplies and work.name in meant and work.precision != INT8
    ]
    if not stayed:
        return
    stayed.sort(key=lambda work: -work.microseconds)
    nodes = tuple(work.name for work in stayed)
    ran = ", ".join(sorted({f"{work.executed_op} in {work.precision or '?'}" for work in stayed}))
    yield Finding(
        nodes=nodes,
        text=f"Of {many(meant, 'quantized product')}, {len(nodes)} {does(nodes, 'run')} in float: "
        f"{named(nodes)} ({ran}), {percent(seen.share(stayed))} of a run. Rounding costs quality "
        "there and saves no time.",
        cost_ms=seen.ms(stayed),
        advice="Leave these nodes out of the quantization, or use another engine.",
        recipe=left_in_float(seen.recipe, nodes, seen.names_before)
        if seen.part("static_int8")
        else "",
    )
