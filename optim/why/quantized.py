"""Which products of a graph are meant to be computed in integers, and of which types."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from optim.graph.flops import MATRIX
from optim.graph.values import Analysis, NodeRow
from optim.graph.wiring import Wiring

_TYPE = re.compile(r"(\w+)\[")
_EACH = re.compile(r"[^,\[\] ]+(?:\[[^\]]*\])?")
_DEQUANTIZES = "DequantizeLinear"
_MOVES = frozenset(
    {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity", "Slice", "Expand"}
)
_FACTORS = {
    **dict.fromkeys(("MatMulInteger", "ConvInteger", "MatMulIntegerToFloat"), (0, 1)),
    **dict.fromkeys(("QLinearMatMul", "QLinearConv", "QGemm"), (0, 3)),
}
"""Places of the activations and the weights among the inputs of integer operators."""


@dataclass(frozen=True)
class Quantized:
    """A product with both factors quantized: its row, and the types of activations and weights."""

    row: NodeRow
    activations: str
    weights: str


def quantized_products(graph: Analysis) -> Iterator[Quantized]:
    """Products between QDQ pairs, and integer operators that read activations."""
    wiring = Wiring(graph)
    for row in graph.nodes:
        types = [_quantized_type(_made(name, wiring)) for name in row.reads[:2]]
        if row.op in MATRIX and len(types) == 2 and all(types):
            moving = [name not in wiring.constant for name in row.reads[:2]]
            if any(moving):
                yield Quantized(row, types[moving.index(True)], types[-1])
        elif row.op in _FACTORS:
            given = _EACH.findall(row.inputs)
            factors = [given[place] for place in _FACTORS[row.op] if place < len(given)]
            found = [_TYPE.match(one) for one in factors]
            if len(found) == 2 and found[0] and found[1]:
                yield Quantized(row, found[0][1], found[1][1])


def _made(value: str, wiring: Wiring) -> NodeRow | None:
    """The node that computes a value, whatever turns or reshapes it since."""
    row = wiring.maker(value)
    while row is not None and row.op in _MOVES and row.reads:
        row = wiring.maker(row.reads[0])
    return row


def _quantized_type(row: NodeRow | None) -> str:
    """Type of the integers that a DequantizeLinear reads; empty for anything else."""
    if row is None or row.op != _DEQUANTIZES:
        return ""
    return next(iter(_TYPE.findall(row.inputs)), "")


def types_of(row: NodeRow) -> set[str]:
    """Types of all tensors that a node reads or writes."""
    return {*_TYPE.findall(row.inputs), *_TYPE.findall(row.outputs)}
