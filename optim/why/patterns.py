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
SOFTMAX = frozenset({"Softmax", "Div"})
"""Operators that a softmax ends with, spelled out or not."""
ROOTS = frozenset({"Sqrt", "Pow"})
"""Operators that a normalization takes the root by."""
_FUSED_ATTENTION = frozenset({"Add", "Sub", "Mul", "Div", "Reshape", "Transpose", "Where"})
_FUSED_NORMALIZATION = frozenset({"ReduceMean", "Sub", "Pow", "Mul", "Add", "Sqrt", "Div"})
_OUTSIDE = MATRIX | {"Constant"}
"""What a normalization does not reach across."""
_SQUARES = frozenset({"Pow", "Mul"})
_DIVIDE = frozenset({"Div", "Reciprocal", "Mul"})
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
        softmax = _softmax(row, wiring)
        if not softmax:
            continue
        before = _to_a_product(softmax[0], wiring.before)
        after = _to_a_product(row, wiring.after)[::-1]
        if before and after and not _weighted(before[0], graph):
            most = _largest(before, softmax, wiring)
            found = [*before, *most, *softmax, *after]
            inner = [*before[1:], *after[:-1]]
            odd = [
                "a softmax that is itself spelled out" if len(softmax) > 1 else "",
                _unusual([one for one in inner if one not in most], _FUSED_ATTENTION),
                _read_elsewhere(wiring, found),
            ]
            yield Pattern(row.name, _named(found), ", ".join(filter(None, odd)))


def _softmax(row: NodeRow, wiring: Wiring) -> list[NodeRow]:
    """The nodes of a softmax that ends here: one, or powers over their sum; else empty."""
    if row.op == "Softmax":
        return [row]
    over, under = ([wiring.maker(name) for name in row.reads] + [None, None])[:2]
    if row.op != "Div" or over is None or under is None:
        return []
    divided = over.op == "Exp" and under.op == "ReduceSum" and under.reads[:1] == over.writes[:1]
    return [over, under, row] if divided else []


def _largest(before: list[NodeRow], softmax: list[NodeRow], wiring: Wiring) -> list[NodeRow]:
    """What finds the largest value, which a softmax that is spelled out subtracts first."""
    if len(softmax) == 1:
        return []
    inside = [reader for row in before for reader in wiring.after(row)]
    return [row for row in inside if row.op == "ReduceMax"]


def _weighted(row: NodeRow, graph: Analysis) -> bool:
    """Whether a product is one with weights, as before the softmax of a classifier."""
    return row.params > 0


def normalizations(graph: Analysis) -> Iterator[Pattern]:
    """ReduceMean, Sub, square, ReduceMean, root, Div: layer normalization that is spelled out.

    The root is a Sqrt, or a power behind the sum with epsilon.
    """
    wiring = Wiring(graph)
    for row in graph.nodes:
        if row.op == "Sqrt" or (row.op == "Pow" and _behind_a_mean(row, wiring)):
            chain = _normalization(row, wiring)
            if chain:
                odd = [
                    f"the power in place of a root ({row.name})" if row.op == "Pow" else "",
                    _unusual(chain, _FUSED_NORMALIZATION),
                    _read_elsewhere(wiring, chain),
                    _other_axis(chain),
                ]
                yield Pattern(row.name, _named(chain), ", ".join(filter(None, odd)))


def _behind_a_mean(row: NodeRow, wiring: Wiring) -> bool:
    """Whether it reads a mean and epsilon: so does the power of a variance, a square does not."""
    sums = [one for one in wiring.before(row) if one.op == "Add"]
    return any(made.op == "ReduceMean" for one in sums for made in wiring.before(one))


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
        kinds |= {row.op} if row is not root else set()
        means += row.op == "ReduceMean"
        if means > 1 and "Sub" in kinds:
            break
        waiting += [one for one in wiring.before(row) if one.op not in _OUTSIDE]
    if means < 2 or "Sub" not in kinds or not kinds & _SQUARES:
        return []
    divided = [reader for reader in wiring.after(root) if reader.op in _DIVIDE]
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
