"""Patterns that engines fuse, found in a graph that spells them out: attention, normalization."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from optim.graph.flops import MATRIX
from optim.graph.values import Analysis, NodeRow
from optim.graph.wiring import Wiring

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
_OUTSIDE = MATRIX | {"Constant"}
"""What a normalization does not reach across."""
_SQUARES = frozenset({"Pow", "Mul"})
_STEPS = 6
_AXES = re.compile(r"axes=\[([-\d,]+)\]")
_PRODUCTS = frozenset({"MatMul", "Gemm", "Einsum"})
Beside = Callable[[NodeRow], Iterable[NodeRow]]
"""The nodes before one, or those after it."""


@dataclass(frozen=True)
class Pattern:
    """One occurrence: the node it is known by, all its nodes, and what is unusual among them."""

    anchor: str
    nodes: tuple[str, ...]
    unusual: str = ""


def _read_elsewhere(wiring: Wiring, rows: list[NodeRow]) -> str:
    """Values made and read inside that are an output as well, or that others read too."""
    inside = {row.name for row in rows}
    for row in rows:
        for name in row.writes:
            readers = {reader.name for reader in wiring.readers(name)}
            if readers & inside and (name in wiring.outputs or readers - inside):
                how = "an output" if name in wiring.outputs else "read elsewhere"
                return f"that {name} is {how} too"
    return ""


def _to_a_product(row: NodeRow, beside: Beside, steps: int = _STEPS) -> list[NodeRow]:
    """The nodes from a product to beside this one, the product first; empty if none is near."""
    for other in beside(row):
        if other.op in _PRODUCTS:
            return [other]
        if steps and other.op in _ON_THE_WAY:
            rest = _to_a_product(other, beside, steps - 1)
            if rest:
                return [*rest, other]
    return []


def attentions(graph: Analysis) -> Iterator[Pattern]:
    """Softmaxes between two products of activations: attention that is spelled out."""
    wiring = Wiring(graph)
    for row in graph.nodes:
        if row.op != "Softmax":
            continue
        before = _to_a_product(row, wiring.before)
        after = _to_a_product(row, wiring.after)[::-1]
        if before and after and not _weighted(before[0], graph):
            found = [*before, row, *after]
            products = {before[0].name, after[-1].name, row.name}
            inner = [one for one in found if one.name not in products]
            odd = [_unusual(inner, _FUSED_ATTENTION), _read_elsewhere(wiring, found)]
            yield Pattern(row.name, _named(found), ", ".join(filter(None, odd)))


def _weighted(row: NodeRow, graph: Analysis) -> bool:
    """Whether a product is one with weights, as before the softmax of a classifier."""
    return row.params > 0


def normalizations(graph: Analysis) -> Iterator[Pattern]:
    """ReduceMean, Sub, square, ReduceMean, Sqrt, Div: layer normalization that is spelled out."""
    wiring = Wiring(graph)
    for row in graph.nodes:
        if row.op == "Sqrt":
            chain = _normalization(row, wiring)
            if chain:
                odd = [
                    _unusual(chain, _FUSED_NORMALIZATION),
                    _read_elsewhere(wiring, chain),
                    _other_axis(chain),
                ]
                yield Pattern(row.name, _named(chain), ", ".join(filter(None, odd)))


def _normalization(root: NodeRow, wiring: Wiring) -> list[NodeRow]:
    """Back from the root to both means; empty where it is something else.

    The variance is the mean of squared differences, or that of squares less the mean's square.
    """
    seen: dict[str, NodeRow] = {}
    waiting, kinds, means = [root], set(), 0
    while waiting and len(seen) < 2 * _STEPS:
        row = waiting.pop(0)
        if row.name in seen:
            continue
        seen[row.name] = row
        kinds.add(row.op)
        means += row.op == "ReduceMean"
        if means > 1 and "Sub" in kinds:
            break
        waiting += [one for one in wiring.before(row) if one.op not in _OUTSIDE]
    if means < 2 or "Sub" not in kinds or not kinds & _SQUARES:
        return []
    divided = [reader for reader in wiring.after(root) if reader.op == "Div"]
    return [*reversed(seen.values()), *divided]


def _other_axis(rows: list[NodeRow]) -> str:
    """Said where the means are not taken over the last axis, which alone is fused."""
    for row in rows:
        axes, (shape, known, _) = _AXES.search(row.attributes), row.inputs.partition("]")
        last = ("-1", str(shape.count(",")))
        if row.op == "ReduceMean" and axes and known and axes[1].split(",")[-1] not in last:
            return f"that means are taken over axis {axes[1]}, not the last"
    return ""


def _named(rows: list[NodeRow]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(row.name for row in rows))


def _unusual(rows: list[NodeRow], usual: frozenset[str]) -> str:
    """The operators among these that the fusion does not expect, with a node of each."""
    odd = {row.op: row.name for row in rows if row.op not in usual}
    return ", ".join(f"{op} ({name})" for op, name in odd.items())
