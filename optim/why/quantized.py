"""Which products of a graph are meant to be computed in integers, and of which types."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from optim.graph.flops import INTEGER, MATRIX
from optim.graph.values import Analysis, NodeRow
from optim.model.wiring import made_of

_TYPE = re.compile(r"(\w+)\[")
_DEQUANTIZES = "DequantizeLinear"


@dataclass(frozen=True)
class Quantized:
    """A product with both factors quantized: its row, and the types of activations and weights."""

    row: NodeRow
    activations: str
    weights: str


def quantized_products(graph: Analysis) -> Iterator[Quantized]:
    """Products between QDQ pairs, and integer operators that read activations."""
    makers = {name: row for row in graph.nodes for name in row.writes}
    constant = made_of(graph.weights, ((row.reads, row.writes) for row in graph.nodes))
    for row in graph.nodes:
        types = [_quantized_type(makers.get(name)) for name in row.reads[:2]]
        if row.op in MATRIX and len(types) == 2 and all(types):
            moving = [name not in constant for name in row.reads[:2]]
            if any(moving):
                yield Quantized(row, types[moving.index(True)], types[-1])
        elif row.op in INTEGER and row.op in MATRIX:
            given = _TYPE.findall(row.inputs)
            integers = [one for one in given if one in ("int8", "uint8")]
            if integers:
                yield Quantized(row, integers[0], integers[-1])


def _quantized_type(row: NodeRow | None) -> str:
    """Type of the integers that a DequantizeLinear reads; empty for anything else."""
    if row is None or row.op != _DEQUANTIZES:
        return ""
    return next(iter(_TYPE.findall(row.inputs)), "")


def types_of(row: NodeRow) -> set[str]:
    """Types of all tensors that a node reads or writes."""
    return {*_TYPE.findall(row.inputs), *_TYPE.findall(row.outputs)}
