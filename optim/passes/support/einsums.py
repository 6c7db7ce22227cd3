"""Einsum by a constant weight as MatMul, the one form of it that passes and quantizers know.

Keras and JAX write their dense layers so: `abc,cde->abde` projects to heads, `abcd,cde->abe` back.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.model.proto import opset_of
from optim.passes.support.held_weights import HeldWeights
from optim.passes.support.rewiring import replace_nodes

if TYPE_CHECKING:
    import onnx

_PAIR = re.compile(r"(\.\.\.)?([a-zA-Z]+),([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)")
_MIN_OPSET = 7  # the first whose products are broadcast by themselves


@dataclass(frozen=True)
class _Product:
    """An equation that is a product of rows by a matrix: the letters of each group, in order."""

    given: str
    lead: str  # of the rows, which the result keeps
    summed: str
    made: str
    result: str
    open: bool  # more axes, of which nothing is known, come before all others

    @classmethod
    def of(cls, data: str, weight: str, result: str, is_open: bool) -> "_Product | None":
        """None where the letters say anything else, such as a sum over one side alone."""
        if any(len(set(text)) < len(text) for text in (data, weight, result)):
            return None
        lead = "".join(c for c in data if c not in weight)
        summed = "".join(c for c in data if c in weight)
        made = "".join(c for c in result if c in weight)
        found = cls(data, lead, summed, made, result, is_open)
        plain = set(weight) == {*summed, *made} and not {*summed} & {*result}
        moved = data != lead + summed or result != lead + made
        several = len(summed) > 1 or len(made) > 1
        if not plain or not summed or not made or {*result} != {*lead, *made}:
            return None
        return None if is_open and (moved or several) else found


def einsums_as_products(model: "onnx.ModelProto") -> int:
    """Write such Einsum nodes of the main graph as MatMul under the same name, in place.

    Axes are merged, split and moved around it where the equation does so. What is no product of
    rows by a matrix stays.

    Returns: how many.
    """
    if opset_of(model) < _MIN_OPSET:
        return 0
    weights, nodes, count = HeldWeights(model.graph), list["onnx.NodeProto"](), 0
    for node in model.graph.node:
        instead = [*_as_product(node, weights)] if node.op_type == "Einsum" else []
        nodes += instead or [node]
        count += bool(instead)
    if count:
        replace_nodes(model.graph, nodes)
    return count


def _as_product(node: "onnx.NodeProto", weights: HeldWeights) -> Iterator["onnx.NodeProto"]:
    """The nodes in place of an Einsum; none where it stays."""
    from onnx import helper

    equation = helper.get_node_attr_value(node, "equation").decode().replace(" ", "")
    held = [weights.get(name) is not None for name in node.input]
    parts = _PAIR.fullmatch(_data_first(equation, held))
    if sorted(held) != [False, True] or parts is None or bool(parts[1]) != bool(parts[4]):
        return
    data, matrix = node.input if held[1] else reversed(node.input)
    product = _Product.of(parts[2], parts[3], parts[5], bool(parts[1]))
    if product is not None:
        yield from _spelled(node, product, data, matrix, parts[3], weights)


def _data_first(equation: str, held: list[bool]) -> str:
    """The equation with its weight second, as its letters do not tell."""
    terms, arrow, result = equation.partition("->")
    names = terms.split(",")
    return ",".join(names if held[-1:] == [True] else names[::-1]) + arrow + result


def _spelled(
    node: "onnx.NodeProto",
    product: _Product,
    data: str,
    matrix: str,
    letters: str,
    weights: HeldWeights,
) -> Iterator["onnx.NodeProto"]:
    """Args: letters: those of the weight `matrix`."""
    from onnx import helper

    array = weights.get(matrix)
    assert array is not None
    array = array.transpose([letters.index(c) for c in product.summed + product.made])
    steps = [*_steps(product, array)]
    for place, (kind, what) in enumerate(steps):
        last = place == len(steps) - 1
        made = node.output[0] if last else weights.free(f"{node.output[0]}_{kind.lower()}")
        name = node.name if kind == "MatMul" else f"{node.name}_{kind.lower()}_{place}"
        if isinstance(what, list):
            yield helper.make_node(kind, [data], [made], name=name, perm=what)
        else:
            yield helper.make_node(kind, [data, weights.replace(matrix, what)], [made], name=name)
        data = made


def _steps(product: _Product, array: Array) -> Iterator[tuple[str, Array | list[int]]]:
    """Operators one after the other, each with its order of axes, its shape or its weight.

    Args:
        array: the weight, the axes summed over first.
    """
    rows, columns = product.lead + product.summed, product.lead + product.made
    kept, sizes = [0] * len(product.lead), array.shape[len(product.summed) :]
    if product.given != rows:
        yield "Transpose", [product.given.index(c) for c in rows]
    if len(product.summed) > 1:
        yield "Reshape", np.array([*kept, -1])
    yield "MatMul", array.reshape(-1, math.prod(sizes))
    if len(product.made) > 1:
        yield "Reshape", np.array([*kept, *sizes])
    if product.result != columns:
        yield "Transpose", [columns.index(c) for c in product.result]
