"""Which tensors of two graphs are the same value, whatever their nodes are called.

Passes keep the names of the tensors around what they replace, so that graphs of one lineage share
most of them. Others are followed from what both have: inputs, outputs and weights of equal
content; from a pair of tensors to those that the only operator of its kind makes of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from optim.graph.values import Analysis, NodeRow, Weight

TRANSPARENT = frozenset({"QuantizeLinear", "DequantizeLinear", "Cast", "Identity"})
"""Their result is their input in another form."""
_LINEAGE = 0.5  # share of the smaller graph's tensors that both name alike
_TELLING = 8  # elements from which a weight's content is its own
_PREFIXES = ("NhwcFused", "Fused", "QLinear", "DynamicQuantize")
_SUFFIXES = ("IntegerToFloat", "Integer", "NBits")
_ALIKE = {"Gemm": "MatMul", "QGemm": "MatMul", "QAttention": "Attention"}

Pairs = dict[str, str]
"""Tensor of the second graph -> tensor of the first."""


def kind_of(op: str) -> str:
    """What an operator computes, whatever it is fused with and in whatever precision."""
    for prefix in _PREFIXES:
        op = op.removeprefix(prefix)
    for suffix in _SUFFIXES:
        op = op.removesuffix(suffix)
    return _ALIKE.get(op, op)


def aligned(
    a: Analysis, b: Analysis, weights_a: Mapping[str, Weight], weights_b: Mapping[str, Weight]
) -> Pairs:
    """The tensors of `b` that are tensors of `a`, one to one."""
    pairs = _by_name(a, b)
    pairs |= _ports(a.inputs, b.inputs) | _ports(a.outputs, b.outputs)
    pairs |= _by_content(weights_a, weights_b)
    return _followed(_Side.of(a), _Side.of(b), pairs)


def _by_name(a: Analysis, b: Analysis) -> Pairs:
    """Tensors that both call alike and give one shape, where the graphs are of one lineage."""
    made = [_shapes(graph) for graph in (a, b)]
    shared = {
        name: name
        for name, shape in made[1].items()
        if name in made[0] and ("?" in (shape, made[0][name]) or shape == made[0][name])
    }
    return shared if len(shared) >= _LINEAGE * min(map(len, made)) else {}


def _shapes(graph: Analysis) -> dict[str, str]:
    """Shape of every tensor that a node makes, such as "1,3,224,224"; "?" where unknown."""
    rows = (row for row in graph.nodes if row.op not in TRANSPARENT)
    return {
        tensor: text.partition("[")[2].rstrip("]") or "?"
        for row in rows
        for tensor, text in zip(row.writes, row.outputs.split(", "), strict=False)
    }


def _ports(a: Iterable[str], b: Iterable[str]) -> Pairs:
    names = [[port.split(": ")[0] for port in ports] for ports in (a, b)]
    if set(names[0]) == set(names[1]):
        return {name: name for name in names[0]}
    return dict(zip(names[1], names[0], strict=False)) if len(names[0]) == len(names[1]) else {}


def _by_content(a: Mapping[str, Weight], b: Mapping[str, Weight]) -> Pairs:
    """Weights whose content each graph has once."""
    found = [_once(weights) for weights in (a, b)]
    return {found[1][key]: found[0][key] for key in found[0].keys() & found[1].keys()}


def _once(weights: Mapping[str, Weight]) -> dict[str, str]:
    counts = Counter(weight.digest for weight in weights.values())
    return {
        weight.digest: name
        for name, weight in weights.items()
        if counts[weight.digest] == 1 and weight.elements >= _TELLING
    }


@dataclass(frozen=True)
class _Side:
    """One graph, its tensors looked at through what only changes their form."""

    maker: dict[str, tuple[NodeRow, int]]
    readers: dict[str, dict[tuple[str, int], list[NodeRow]]]
    """Tensor -> (kind, place among the inputs) -> nodes that read it there."""
    root: dict[str, str]

    @classmethod
    def of(cls, graph: Analysis) -> "_Side":
        root: dict[str, str] = {}
        side = cls({}, defaultdict(lambda: defaultdict(list)), root)
        for row in graph.nodes:
            if row.op in TRANSPARENT and row.reads:
                root[row.writes[0]] = side.rooted(row.reads[0])
                continue
            side.maker.update({tensor: (row, at) for at, tensor in enumerate(row.writes)})
            for at, tensor in enumerate(row.reads):
                side.readers[side.rooted(tensor)][kind_of(row.op), at].append(row)
        return side

    def rooted(self, tensor: str) -> str:
        return self.root.get(tensor, tensor)


def _followed(a: _Side, b: _Side, pairs: Pairs) -> Pairs:
    """Pairs and what follows from them, each tensor at most once; linear in the graphs."""
    taken = set(pairs.values())
    waiting = list(pairs.items())

    def pair(new: Iterable[str], old: Iterable[str]) -> None:
        for one, two in zip(new, old, strict=False):
            one, two = b.rooted(one), a.rooted(two)
            if one not in pairs and two not in taken:
                pairs[one] = two
                taken.add(two)
                waiting.append((one, two))

    while waiting:
        new, old = waiting.pop()
        for row, other in _neighbours(b, a, b.rooted(new), a.rooted(old)):
            pair(row.reads, other.reads)
            pair(row.writes, other.writes)
    return pairs


def _neighbours(b: _Side, a: _Side, new: str, old: str) -> Iterable[tuple[NodeRow, NodeRow]]:
    """Nodes that make or read a pair of tensors, and are the only ones of their kind that do."""
    made = b.maker.get(new), a.maker.get(old)
    if made[0] and made[1] and made[0][1] == made[1][1]:
        row, other = made[0][0], made[1][0]
        if kind_of(row.op) == kind_of(other.op):
            yield row, other
    for use, rows in b.readers.get(new, {}).items():
        others = a.readers.get(old, {}).get(use, [])
        if len(rows) == len(others) == 1:
            yield rows[0], others[0]
