"""QDQ pairs that the engine did not fuse: it converts to integers and back around float nodes."""

from collections.abc import Iterator

from optim.explaining.executed import INT8, Executed
from optim.graph.flops import MATRIX
from optim.graph.values import Analysis, NodeRow
from optim.graph.wiring import Wiring
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed, left_in_float, on
from optim.why.saying import does, many, named, percent

_PAIRS = ("QuantizeLinear", "DequantizeLinear")
_MATTERS = 0.02
_MOST_NODES = 8
"""Of an island between pairs: more are a part of the model, left in float on purpose."""


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
    """Nodes run in float that read dequantized activations and give values that are quantized.

    By themselves, or as one of a few that together do nothing else.
    """
    ran = {work.name: work for work in seen.executed if not work.converts}
    islands = {row.name for rows in _islands(seen.graph, seen.wiring) for row in rows}
    return tuple(
        row.name
        for row in seen.graph.nodes
        if row.op not in _PAIRS
        and (row.name in islands or _enclosed(row, seen.wiring))
        and _in_float(ran.get(row.name))
    )


def _enclosed(row: NodeRow, wiring: Wiring) -> bool:
    reads = any(made.op == _PAIRS[1] for made in wiring.before(row))
    return reads and any(reader.op == _PAIRS[0] for reader in wiring.after(row))


def _islands(graph: Analysis, wiring: Wiring) -> Iterator[list[NodeRow]]:
    """Nodes beside each other that read only dequantized values and constants, and give only such
    as are quantized again; products are another finding's."""
    seen: set[str] = set()
    for row in graph.nodes:
        if row.name in seen or not _inner(row, wiring):
            continue
        island, waiting = [], [row]
        while waiting:
            one = waiting.pop()
            if one.name not in seen and _inner(one, wiring):
                seen.add(one.name)
                island.append(one)
                waiting += [*wiring.before(one), *wiring.after(one)]
        if len(island) <= _MOST_NODES and _closed(island, wiring):
            yield island


def _inner(row: NodeRow, wiring: Wiring) -> bool:
    return row.op not in _PAIRS and not wiring.constant.issuperset(row.writes)


def _closed(island: list[NodeRow], wiring: Wiring) -> bool:
    inside = {name for row in island for name in row.writes}
    reads = {name for row in island for name in row.reads if name} - inside - wiring.constant
    given = [wiring.maker(name) for name in reads]
    after = {reader.op for row in island for reader in wiring.after(row) if _leaves(reader, inside)}
    return (
        all(row is not None and row.op == _PAIRS[1] for row in given)
        and after == {_PAIRS[0]}
        and inside.isdisjoint(wiring.outputs)
        and not any(row.op in MATRIX for row in island)
    )


def _leaves(reader: NodeRow, inside: set[str]) -> bool:
    return inside.isdisjoint(reader.writes)


def _in_float(work: Executed | None) -> bool:
    return work is not None and work.precision not in ("", INT8)


def _mended(seen: Evidence, nodes: tuple[str, ...]) -> str:
    if seen.part("static_int8") is None:
        return on(seen.recipe, "openvino") if seen.engine == "onnxruntime" else ""
    left = left_in_float(seen.recipe, nodes, seen.names_before)
    return left or changed(seen.recipe, "static_int8", chain=False)
