"""Patterns that engines fuse, found in a graph that spells them out: attention, normalization."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from optim.graph.flops import MATRIX
from optim.graph.values import Analysis, NodeRow
from optim.graph.wiring import Wiring
from optim.why.standardizing import Standardizing

SOFTMAX = frozenset({"Softmax", "Div", "Mul", "Exp"})
"""Operators that a softmax ends with, spelled out or not."""
ROOTS = frozenset({"Sqrt", "Pow", "ReduceL2"})
"""Operators that a normalization takes the root by."""
QUOTIENTS = frozenset({"Div", "Mul", "Divide", "Multiply"})
"""And that it ends with, as engines name it."""
_INSTEAD = {"Pow": "power in place of a root", "ReduceL2": "length in place of a root"}
_FUSED_ATTENTION = frozenset({"Add", "Sub", "Mul", "Div", "Reshape", "Transpose", "Where"})
_MOVES = frozenset({"Reshape", "Transpose"})
_FUSED_NORMALIZATION = frozenset({"ReduceMean", "Sub", "Pow", "Mul", "Add", "Sqrt", "Div"})
_OUTSIDE = MATRIX | {"Constant"}
"""What a normalization does not reach across."""
_SQUARES = frozenset({"Pow", "ReduceL2", "ReduceSumSquare"})
_CENTRE = frozenset({"Sub", "ReduceMean", "Cast"})
"""What may lie before a square: the mean is subtracted."""
_DIVIDE = frozenset({"Div", "Mul"})
_TO_DIVIDE = frozenset({"Reciprocal", "Add", "Max", "Clip", "Cast", "Expand", "Identity", *_DIVIDE})
"""What may lie between a root and the quotient: its reciprocal, a scale, a limit."""
_STEPS, _FEW = 6, 3
_OFF = 5e-4  # of a factor: more is another deviation
_MOST_BETWEEN = 8
"""Nodes between an attention's softmax and its products: scale, cap, mask, casts, shapes."""
_AXES = re.compile(r"axes=\[([-\d,]+)\]")
_PRODUCTS = frozenset({"MatMul", "Gemm", "Einsum", "QLinearMatMul", "MatMulInteger"})
Beside = Callable[[NodeRow], Iterable[NodeRow]]
"""The nodes before one, or those after it."""
Matches = Callable[[NodeRow], bool]


@dataclass(frozen=True)
class Pattern:
    """One occurrence: the node it is known by, all its nodes, and what is unusual among them.

    `within`: what else lies in it that a fusion has to allow for, such as a mask's Add.
    """

    anchor: str
    nodes: tuple[str, ...]
    unusual: str = ""
    within: str = ""


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


def _to_a_product(row: NodeRow, beside: Beside) -> list[NodeRow]:
    """The nodes from a product to beside this one, the product first; empty if none is near."""
    return _way(row, beside, _is_product, _is_between, _MOST_BETWEEN)


def _is_product(row: NodeRow) -> bool:
    return row.op in _PRODUCTS


def _is_between(row: NodeRow) -> bool:
    """Whatever is done to scores or shares: scale, cap, mask, casts, shapes."""
    return row.op not in MATRIX and row.op != "Softmax"


def _way(row: NodeRow, beside: Beside, wanted: Matches, may: Matches, steps: int) -> list[NodeRow]:
    """The shortest way to a wanted node over such as may lie on it, the wanted one first.

    Without `row` itself; empty where none is within so many steps.
    """
    seen, ways = {row.name}, [[row]]
    for _ in range(steps + 1):
        further = []
        for way in ways:
            for other in beside(way[0]):
                if wanted(other):
                    return [other, *way[:-1]]
                if other.name not in seen and may(other):
                    seen.add(other.name)
                    further.append([other, *way])
        ways = further
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
            within = _unusual(inner, _MOVES | SOFTMAX)
            yield Pattern(row.name, _named(found), ", ".join(filter(None, odd)), within)


def _softmax(row: NodeRow, wiring: Wiring) -> list[NodeRow]:
    """The nodes of a softmax that ends here: one, or powers over their sum; else empty."""
    if row.op == "Softmax":
        return [row]
    if row.op == "Exp":
        logs = [one for one in wiring.before(row) if one.op == "LogSoftmax"]
        return [*logs, row] if logs else []
    if row.op not in _DIVIDE:
        return []
    for powers in (one for one in wiring.before(row) if one.op == "Exp"):
        way = _way(row, wiring.before, lambda one: one.op == "ReduceSum", _is_between, _FEW)
        if way and way[0].reads[:1] == powers.writes[:1]:
            return [powers, *way, row]
    return []


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
    """A value over the root of the mean of its squares, less its mean or not, that is spelled out.

    Layer normalization, or that by the root of the mean square; whatever takes the root.
    """
    wiring = Wiring(graph)
    for row in graph.nodes:
        if row.op in ROOTS and not wiring.constant.issuperset(row.writes):
            chain = _normalization(row, wiring)
            if chain:
                odd = [
                    f"the {_INSTEAD[row.op]} ({row.name})" if row.op in _INSTEAD else "",
                    _unusual(chain, _FUSED_NORMALIZATION | {row.op}),
                    _read_elsewhere(wiring, chain),
                    _other_axis(chain),
                ]
                yield Pattern(row.name, _named(chain), ", ".join(filter(None, odd)))


def by_values(graph: Analysis, found: Iterable[Standardizing]) -> Iterator[Pattern]:
    """Quotients that were seen to be normalizations, known by the quotient's node."""
    wiring = Wiring(graph)
    for one in found:
        last = wiring.maker(one.quotient)
        rows = [row for row in graph.nodes if not {*row.writes}.isdisjoint(one.between)]
        if last is not None and rows:
            odd = [
                f"a deviation {one.factor:.4g} times that of LayerNormalization"
                if abs(one.factor - 1) > _OFF
                else "",
                _unusual(rows, _FUSED_NORMALIZATION),
                _other_axis(rows),
            ]
            yield Pattern(last.name, _named(rows), ", ".join(filter(None, odd)))


def _normalization(root: NodeRow, wiring: Wiring) -> list[NodeRow]:
    """Back from the root to what is squared, and on to where that is divided; empty for no such.

    The variance is the mean of squared differences, or that of squares less the mean's square.
    Sums of squares count where a mean was subtracted: without, it is a vector brought to length 1.
    """
    inside = _behind(root, wiring)
    squares = [row for row in inside if _squares(row, root)]
    if not squares or not any(row.op == "ReduceMean" for row in inside):
        return []
    divided = {name for row in squares for name in row.reads[:1]}
    divided |= {name for row in inside if row.op == "Sub" for name in row.reads[:1]}
    apart = (row for name in divided for row in wiring.readers(name) if row.op == "Sub")
    divided |= {name for row in apart for name in row.writes}

    def divides(row: NodeRow) -> bool:
        return row.op in _DIVIDE and not divided.isdisjoint(row.reads)

    way = _way(root, wiring.after, divides, lambda row: row.op in _TO_DIVIDE, _FEW)
    return [*reversed(inside), *reversed(way)] if way else []


def _squares(row: NodeRow, root: NodeRow) -> bool:
    if row.op == "Mul":
        return row.reads[:1] == row.reads[1:]
    return row.op in _SQUARES and (row is not root or row.op == "ReduceL2")


def _behind(root: NodeRow, wiring: Wiring) -> list[NodeRow]:
    """From the root back to what is squared, and to the mean that was subtracted before."""
    seen: dict[str, NodeRow] = {}
    waiting = [(root, False)]
    while waiting and len(seen) < 2 * _STEPS:
        row, squared = waiting.pop(0)
        if row.name in seen or row.op in _OUTSIDE or (squared and row.op not in _CENTRE):
            continue
        seen[row.name] = row
        if not (squared and row.op == "ReduceMean"):
            within = squared or _squares(row, root)
            waiting += [(one, within) for one in wiring.before(row)]
    return list(seen.values())


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
