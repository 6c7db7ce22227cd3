"""A product's weight as two narrow factors, and the graph with two products in place of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from optim.arrays import Array
from optim.model.proto import copy_of
from optim.passes.support.channels import attribute
from optim.passes.support.rewiring import free_name, replace_nodes

if TYPE_CHECKING:
    import onnx

NARROW = "_narrow"
"""Behind the name of a product: the first of the two that it became."""


@dataclass(frozen=True)
class Factors:
    """A weight [out, in] by its singular value decomposition."""

    left: Array
    values: Array
    right: Array

    @classmethod
    def of(cls, matrix: Array) -> Self:
        """Those of a matrix, exact."""
        return cls(*np.linalg.svd(matrix.astype(np.float64), full_matrices=False))

    @property
    def shape(self) -> tuple[int, int]:
        """Of the weight."""
        return len(self.left), self.right.shape[1]

    @property
    def most(self) -> int:
        """The largest rank at which two products take less arithmetic than the one."""
        fewer = (self.shape[0] * self.shape[1] - 1) // sum(self.shape)
        return min(fewer, len(self.values) - 1)

    def halves(self, rank: int) -> tuple[Array, Array]:
        """[out, rank] and [rank, in]."""
        root = np.sqrt(self.values[:rank])
        left, right = self.left[:, :rank] * root, root[:, None] * self.right[:rank]
        return left.astype(np.float32), right.astype(np.float32)


def as_matrix(node: "onnx.NodeProto", weight: Array) -> Array | None:
    """[out, in] of a product or convolution; None where it has groups or is a batch of weights."""
    if node.op_type == "Conv":
        return weight.reshape(len(weight), -1) if attribute(node, "group", 1) == 1 else None
    if weight.ndim != 2 or attribute(node, "transA", 0):
        return None
    return weight if attribute(node, "transB", 0) else weight.T


def split(
    model: "onnx.ModelProto", factors: Mapping[str, Factors], ranks: Mapping[str, int]
) -> "onnx.ModelProto":
    """A copy in which each product of a rank is two."""
    made, nodes = copy_of(model), []
    for node in made.graph.node:
        rank = ranks.get(node.name, 0)
        nodes += _pair(made.graph, node, *factors[node.name].halves(rank)) if rank else [node]
    replace_nodes(made.graph, nodes)
    return made


def _pair(
    graph: "onnx.GraphProto", node: "onnx.NodeProto", left: Array, right: Array
) -> list["onnx.NodeProto"]:
    """Two nodes for one, their weights added to the graph; the second keeps name and output."""
    from onnx import helper

    second = type(node).FromString(node.SerializeToString())
    inner = free_name(graph, f"{node.output[0]}{NARROW}")
    if node.op_type == "Conv":
        shape = next(t for t in graph.initializer if t.name == node.input[1]).dims
        first = type(node).FromString(node.SerializeToString())
        del first.input[2:], second.attribute[:]
        first.input[1] = _weight(graph, node, "in", right.reshape(len(right), *shape[1:]))
        ones = (1,) * (len(shape) - 2)
        second.input[1] = _weight(graph, node, "out", left.reshape(*left.shape, *ones))
    else:
        read = _weight(graph, node, "in", right.T)
        first = helper.make_node("MatMul", [node.input[0], read], [inner])
        for turned in [a for a in second.attribute if a.name == "transB"]:
            second.attribute.remove(turned)
        second.input[1] = _weight(graph, node, "out", left.T)
    first.name, first.output[0], second.input[0] = f"{node.name}{NARROW}", inner, inner
    return [first, second]


def _weight(graph: "onnx.GraphProto", node: "onnx.NodeProto", part: str, array: Array) -> str:
    from onnx import numpy_helper

    name = free_name(graph, f"{node.input[1]}_{part}")
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return name
