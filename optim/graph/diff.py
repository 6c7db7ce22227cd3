"""What an optimization changed in a graph."""

from collections import Counter
from collections.abc import Container

from pydantic import BaseModel, ConfigDict

from optim.graph.flops import VIEWS
from optim.graph.values import Analysis, NodeRow

_NO_WORK = ("Constant", "Identity")


class Fusion(BaseModel):
    """Nodes of the graph before that one new node stands for."""

    model_config = ConfigDict(frozen=True)

    node: str
    op: str
    replaces: tuple[str, ...]
    """Names of the nodes before, in their order."""
    ops: tuple[str, ...]


class GraphDiff(BaseModel):
    """Graph `b` against graph `a`."""

    model_config = ConfigDict(frozen=True)

    added: dict[str, int]
    """Operator -> how many more of it."""
    removed: dict[str, int]
    fused: tuple[Fusion, ...]
    weight_bytes_change: dict[str, int]
    """Element type -> bytes more (or fewer) of weights."""
    notes: tuple[str, ...]


def compare_graphs(a: Analysis, b: Analysis) -> GraphDiff:
    """How `b` (after) differs from `a` (before).

    A new node of `b` stands for those nodes of `a` that lead to the tensor it writes, back to
    tensors that `b` still has: passes keep the names of the tensors around what they replace.
    """
    before, after = Counter(a.op_histogram), Counter(b.op_histogram)
    fused = tuple(fusion for fusion in _fusions(a, b) if len(fusion.replaces) > 1)
    change = {
        dtype: b.weight_bytes_by_dtype.get(dtype, 0) - a.weight_bytes_by_dtype.get(dtype, 0)
        for dtype in sorted(a.weight_bytes_by_dtype.keys() | b.weight_bytes_by_dtype.keys())
    }
    return GraphDiff(
        added=dict((after - before).most_common()),
        removed=dict((before - after).most_common()),
        fused=fused,
        weight_bytes_change={dtype: delta for dtype, delta in change.items() if delta},
        notes=tuple(_notes(a, b, fused)),
    )


def _fusions(a: Analysis, b: Analysis) -> list[Fusion]:
    maker = {tensor: row for row in a.nodes for tensor in row.writes}
    order = {row.name: index for index, row in enumerate(a.nodes)}
    old = {(row.op, row.reads, row.writes) for row in a.nodes}
    new_maker = {tensor: row for row in b.nodes for tensor in row.writes}
    found = []
    for row in b.nodes:
        if (row.op, row.reads, row.writes) in old:
            continue
        inside = _behind(row, maker, new_maker.keys())
        names = sorted(inside, key=lambda name: order[name])
        ops = tuple(inside[name].op for name in names)
        worker = _worker(row, maker, new_maker)
        found.append(Fusion(node=worker.name, op=worker.op, replaces=tuple(names), ops=ops))
    return found


def _worker(row: NodeRow, maker: dict[str, NodeRow], new_maker: dict[str, NodeRow]) -> NodeRow:
    """The new node that does the work: the one before `row` where that only views its result."""
    while row.op in VIEWS and row.reads and row.reads[0] in new_maker.keys() - maker.keys():
        row = new_maker[row.reads[0]]
    return row


def _behind(row: NodeRow, maker: dict[str, NodeRow], borders: Container[str]) -> dict[str, NodeRow]:
    """Nodes of the graph before that make what `row` writes, back to tensors in `borders`."""
    found: dict[str, NodeRow] = {}
    seen: set[str] = set()
    todo = [tensor for tensor in row.writes if tensor in maker]
    while todo:
        node = maker[todo.pop()]
        if node.name not in seen:
            seen.add(node.name)
            if node.op not in _NO_WORK:
                found[node.name] = node
            todo += [t for t in node.reads if t in maker and t not in borders]
    return found


def _notes(a: Analysis, b: Analysis, fused: tuple[Fusion, ...]) -> list[str]:
    notes = [f"{a.node_count} nodes became {b.node_count}."]
    if not fused and a.op_histogram == b.op_histogram:
        notes.append("No operator was added, removed or fused.")
    for op, count in Counter(fusion.op for fusion in fused).most_common():
        example = next(fusion for fusion in fused if fusion.op == op)
        shown = " + ".join(f"{n}x {o}" for o, n in Counter(example.ops).most_common())
        notes.append(f"{op}: {count} made by fusing, such as of {shown}.")
    pairs = b.op_histogram.get("QuantizeLinear", 0) - a.op_histogram.get("QuantizeLinear", 0)
    casts = b.op_histogram.get("Cast", 0) - a.op_histogram.get("Cast", 0)
    if pairs > 0:
        notes.append(f"QuantizeLinear nodes added: {pairs}.")
    if casts > 0:
        notes.append(f"Cast nodes added: {casts}; each costs a copy of its tensor.")
    return notes
