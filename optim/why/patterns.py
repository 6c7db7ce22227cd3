"""Patterns that engines fuse, found in a graph that spells them out: attention, normalization."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from optim.graph.values import Analysis, NodeRow

_ON_THE_WAY = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Where", "Cast", "Reshape", "Transpose", "Identity"),
        *("Dropout", "Unsqueeze", "Squeeze", "Expand", "Clip", "Max", "Min", "IsNaN"),
        *("QuantizeLinear", "DequantizeLinear"),
    }
)
"""What may lie between an attention's softmax and its products."""
_FUSED_ATTENTION = frozenset({"Add", "Sub", "Mul", "Div", "Reshape", "Transpose", "Where"})
_FUSED_NORMALIZATION = frozenset({"ReduceMean", "Sub", "Pow", "Mul", "Add", "Sqrt", "Div"})
_SQUARES = frozenset({"Pow", "Mul"})
_STEPS = 6
_PRODUCTS = frozenset({"MatMul", "Gemm", "Einsum"})


@dataclass(frozen=True)
class Pattern:
    """One occurrence: the node it is known by, all its nodes, and what is unusual among them."""

    anchor: str
    nodes: tuple[str, ...]
    unusual: str = ""


class _Wiring:
    """Who makes and who reads each value of a graph."""

    def __init__(self, graph: Analysis) -> None:
        self.maker = {name: row for row in graph.nodes for name in row.writes}
        self.outputs = {text.partition(":")[0] for text in graph.outputs}
        self.readers: dict[str, list[NodeRow]] = {}
        for row in graph.nodes:
            for name in row.reads:
                self.readers.setdefault(name, []).append(row)

    def read_elsewhere(self, rows: list[NodeRow]) -> str:
        """Values made and read inside that are an output as well, or that others read too."""
        inside = {row.name for row in rows}
        for row in rows:
            for name in row.writes:
                readers = {reader.name for reader in self.readers.get(name, ())}
                if readers & inside and (name in self.outputs or readers - inside):
                    how = "an output" if name in self.outputs else "read elsewhere"
                    return f"that {name} is {how} too"
        return ""

    def back(self, row: NodeRow, steps: int = _STEPS) -> list[NodeRow]:
        """The nodes from a product to this one, the product first; empty if none is near."""
        return self._walk(row, steps, lambda at: [self.maker.get(name) for name in at.reads])

    def onward(self, row: NodeRow, steps: int = _STEPS) -> list[NodeRow]:
        """The nodes from this one to a product, the product last; empty if none is near."""
        found = self._walk(
            row, steps, lambda at: [r for name in at.writes for r in self.readers.get(name, ())]
        )
        return found[::-1]

    def _walk(
        self, row: NodeRow, steps: int, beside: Callable[[NodeRow], list[NodeRow | None]]
    ) -> list[NodeRow]:
        for other in beside(row):
            if other is None:
                continue
            if other.op in _PRODUCTS:
                return [other]
            if steps and other.op in _ON_THE_WAY:
                rest = self._walk(other, steps - 1, beside)
                if rest:
                    return [*rest, other]
        return []


def attentions(graph: Analysis) -> Iterator[Pattern]:
    """Softmaxes between two products of activations: attention that is spelled out."""
    wiring = _Wiring(graph)
    for row in graph.nodes:
        if row.op != "Softmax":
            continue
        before, after = wiring.back(row), wiring.onward(row)
        if before and after and not _weighted(before[0], graph):
            found = [*before, row, *after]
            products = {before[0].name, after[-1].name, row.name}
            inner = [one for one in found if one.name not in products]
            odd = [_unusual(inner, _FUSED_ATTENTION), wiring.read_elsewhere(found)]
            yield Pattern(row.name, _named(found), ", ".join(filter(None, odd)))


def _weighted(row: NodeRow, graph: Analysis) -> bool:
    """Whether a product is one with weights, as before the softmax of a classifier."""
    return row.params > 0


def normalizations(graph: Analysis) -> Iterator[Pattern]:
    """ReduceMean, Sub, square, ReduceMean, Sqrt, Div: layer normalization that is spelled out."""
    wiring = _Wiring(graph)
    for row in graph.nodes:
        if row.op == "Sqrt":
            chain = _normalization(row, wiring)
            if chain:
                odd = [_unusual(chain, _FUSED_NORMALIZATION), wiring.read_elsewhere(chain)]
                yield Pattern(row.name, _named(chain), ", ".join(filter(None, odd)))


def _normalization(root: NodeRow, wiring: _Wiring) -> list[NodeRow]:
    """Back from the root to the first mean; empty where it is something else."""
    seen: dict[str, NodeRow] = {}
    waiting, kinds = [root], set()
    while waiting and len(seen) < 2 * _STEPS:
        row = waiting.pop(0)
        if row.name in seen:
            continue
        seen[row.name] = row
        kinds.add(row.op)
        if row.op == "ReduceMean" and "Sub" in kinds:
            break
        makers = (wiring.maker.get(name) for name in row.reads)
        waiting += [one for one in makers if one is not None and one.op not in _PRODUCTS]
    means = sum(row.op == "ReduceMean" for row in seen.values())
    if means < 2 or "Sub" not in kinds or not kinds & _SQUARES:
        return []
    divided = [r for name in root.writes for r in wiring.readers.get(name, ()) if r.op == "Div"]
    return [*reversed(seen.values()), *divided]


def _named(rows: list[NodeRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.name for row in rows))


def _unusual(rows: list[NodeRow], usual: frozenset[str]) -> str:
    """The operators among these that the fusion does not expect, with a node of each."""
    odd = {row.op: row.name for row in rows if row.op not in usual}
    return ", ".join(f"{op} ({name})" for op, name in odd.items())
