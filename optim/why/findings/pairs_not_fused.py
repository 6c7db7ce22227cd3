"""QDQ pairs that the engine did not fuse: it converts to integers and back around float nodes."""

from collections.abc import Iterator

from optim.explaining.executed import INT8, Executed
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed, left_in_float, on
from optim.why.saying import does, many, named, percent

_PAIRS = ("QuantizeLinear", "DequantizeLinear")
_MATTERS = 0.02


def find(seen: Evidence) -> Iterator[Finding]:
    """Conversions that were executed around nodes that then ran in float."""
    conversions = [work for work in seen.executed if work.executed_op in _PAIRS]
    nodes = _between(seen)
    if not nodes or seen.share(conversions) < _MATTERS:
        return
    yield Finding(
        nodes=nodes,
        text=f"{many(conversions, 'conversion')} to integers or back {does(conversions, 'take')} "
        f"{percent(seen.share(conversions))} of a run: the engine did not fuse the QDQ pairs "
        f"around {named(nodes)}, which {does(nodes, 'run')} in float between them.",
        cost_ms=seen.ms(conversions),
        advice="Leave these nodes out of the quantization, or use an engine that fuses them.",
        recipe=_mended(seen, nodes),
    )


def _between(seen: Evidence) -> tuple[str, ...]:
    """Nodes that read dequantized activations and give values that are quantized, run in float."""
    ran = {work.name: work for work in seen.executed if not work.converts}
    return tuple(
        row.name
        for row in seen.graph.nodes
        if row.op not in _PAIRS
        and any(made.op == _PAIRS[1] for made in seen.wiring.before(row))
        and any(reader.op == _PAIRS[0] for reader in seen.wiring.after(row))
        and _in_float(ran.get(row.name))
    )


def _in_float(work: Executed | None) -> bool:
    return work is not None and work.precision not in ("", INT8)


def _mended(seen: Evidence, nodes: tuple[str, ...]) -> str:
    if seen.part("static_int8") is None:
        return on(seen.recipe, "openvino") if seen.engine == "onnxruntime" else ""
    left = left_in_float(seen.recipe, nodes, seen.names_before)
    return left or changed(seen.recipe, "static_int8", chain=False)
