"""Low-rank factors by singular value decomposition: one product becomes two narrow ones.

Denton et al., "Exploiting Linear Structure Within Convolutional Networks for Efficient Evaluation",
2014; for k x k convolutions Zhang et al., "Accelerating Very Deep Convolutional Networks for
Classification and Detection", 2016: a k x k convolution to few channels, then a 1 x 1.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.arrays import Array
from optim.model.proto import copy_of
from optim.part import Circumstances, Hazard, Searched
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.channels import attribute
from optim.passes.support.rewiring import free_name, replace_nodes
from optim.passes.support.tools import (
    float_weights,
    listed,
    name_nodes,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx

_KINDS = ("Conv", "Gemm", "MatMul")
_NOTHING = "Nothing was split: no layer's two factors would take less arithmetic than it does."
_SMALLEST = 16  # a side of a weight below which two products are never faster than one


class Rank(StrEnum):
    """What decides the rank of a layer."""

    ENERGY = "energy"
    SHARE = "share"


class LowRank(Pass):
    """Replace large products by two narrow ones."""

    name: ClassVar[str] = "low_rank"
    title: ClassVar[str] = "Split products in two narrow ones (low-rank factors, SVD)"
    summary: ClassVar[str] = (
        "Replaces the weight of a matrix product or convolution by two narrow factors, from its "
        "singular value decomposition, wherever these take less arithmetic; the smallest singular "
        "values are dropped."
    )
    helps: ClassVar[str] = (
        "Wide layers whose weights are redundant, such as embeddings, feed-forward layers and "
        "classifiers: every engine has less to compute, and the file is smaller. It goes together "
        "with recover and with 8 bits."
    )
    hurts: ClassVar[str] = (
        "Two operators in place of one: small layers get slower. Most convolutions are not of low "
        "rank, and lose quality quickly; recover brings some of it back."
    )
    stage: ClassVar[Stage] = Stage.PRUNE
    overlooks: ClassVar[tuple[str, ...]] = ("Conv", "Gemm", "MatMul")
    floats_only: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.9
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "low rank and convolutions",
            "Weights of convolutions are seldom of low rank: expect a loss, and add recover.",
            lambda part, here: here.has_conv and all(one.name != "recover" for one in here.recipe),
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("energy", (0.9, 0.99)),)

    rank: Rank = Field(
        default=Rank.ENERGY,
        description="What decides the rank: energy, the share of a weight's squares that is kept; "
        "share, the share of a layer's arithmetic that is removed.",
    )
    energy: float = Field(
        default=0.95, ge=0.1, le=1.0, description="Share of the squares kept, with rank energy."
    )
    share: float = Field(
        default=0.3,
        ge=0.0,
        le=0.95,
        description="Share of the arithmetic removed, with rank share.",
    )
    multiple: int = Field(
        default=8, ge=1, le=64, description="Ranks are multiples of this, as kernels like it."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Names of nodes left as they are.")

    def takes(self, here: Circumstances) -> bool:
        """Only products have weights to split."""
        return super().takes(here) and here.has_products

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Split each product whose factors take less arithmetic than it does."""
        refuse_quantized(model)
        refuse_unknown_nodes(self.exclude, model)
        made = copy_of(model)
        name_nodes(made)
        weights = float_weights(made)
        nodes, said = [], []
        for node in made.graph.node:
            halves = self._halves(node, weights)
            nodes += _pair(made.graph, node, *halves) if halves else [node]
            if halves:
                said.append(f"{node.name} {len(halves[1])}")
        if not said:
            return Outcome(model, False, (_NOTHING,))
        replace_nodes(made.graph, nodes)
        return Outcome(made, True, _told(said))

    def _halves(
        self, node: "onnx.NodeProto", weights: dict[str, "onnx.TensorProto"]
    ) -> tuple[Array, Array] | None:
        """Factors [out, rank] and [rank, in] of a node's weight; None where they save nothing."""
        from onnx import numpy_helper

        if node.op_type not in _KINDS or node.input[1] not in weights or node.name in self.exclude:
            return None
        matrix = _as_matrix(node, numpy_helper.to_array(weights[node.input[1]]))
        if matrix is None or min(matrix.shape) < _SMALLEST:
            return None
        left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
        rank = self._rank(values, matrix.shape)
        if rank >= len(values) or rank * sum(matrix.shape) >= matrix.size:
            return None
        root = np.sqrt(values[:rank])
        return (
            (left[:, :rank] * root).astype(np.float32),
            (root[:, None] * right[:rank]).astype(np.float32),
        )

    def _rank(self, values: Array, shape: tuple[int, ...]) -> int:
        """The rank for a weight of these singular values, a multiple."""
        if self.rank is Rank.SHARE:
            wanted = int((1 - self.share) * shape[0] * shape[1] / sum(shape))
            return max(self.multiple, wanted // self.multiple * self.multiple)
        kept = np.cumsum(values**2) / max(float((values**2).sum()), 1e-30)
        wanted = int(np.searchsorted(kept, self.energy) + 1)
        return -(-wanted // self.multiple) * self.multiple


def _as_matrix(node: "onnx.NodeProto", weight: Array) -> Array | None:
    """[out, in] of a product or convolution; None where it has groups or is a batch of weights."""
    if node.op_type == "Conv":
        return weight.reshape(len(weight), -1) if attribute(node, "group", 1) == 1 else None
    if weight.ndim != 2 or attribute(node, "transA", 0):
        return None
    return weight if attribute(node, "transB", 0) else weight.T


def _pair(
    graph: "onnx.GraphProto", node: "onnx.NodeProto", left: Array, right: Array
) -> list["onnx.NodeProto"]:
    """Two nodes for one, their weights added to the graph; the second keeps name and output."""
    from onnx import helper

    second = type(node).FromString(node.SerializeToString())
    inner = free_name(graph, f"{node.output[0]}_narrow")
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
    first.name, first.output[0], second.input[0] = f"{node.name}_narrow", inner, inner
    return [first, second]


def _weight(graph: "onnx.GraphProto", node: "onnx.NodeProto", part: str, array: Array) -> str:
    from onnx import numpy_helper

    name = free_name(graph, f"{node.input[1]}_{part}")
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
    return name


def _told(said: list[str]) -> tuple[str, ...]:
    return (
        f"{len(said)} products became two each, of the rank behind their name: {listed(said, 8)}.",
        "Any engine runs two narrow products; small ones may be slower than the one before.",
    )
