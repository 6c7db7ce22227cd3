"""Magnitude pruning with PyTorch's mask computation (torch.nn.utils.prune).

Weights with the smallest magnitudes are set to zero: Han et al., "Learning both Weights and
Connections for Efficient Neural Networks", 2015.
"""

from collections.abc import Container
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.compare import changed
from optim.passes.tools import copy_of, float_weights, refuse_quantized, refuse_unknown_nodes

if TYPE_CHECKING:
    import onnx

_RECURRENT = ("LSTM", "GRU", "RNN")
_WEIGHT_INPUTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), (1,)),
    **dict.fromkeys(_RECURRENT, (1, 2)),  # from the input and from the state
}


class Granularity(StrEnum):
    """What is set to zero together."""

    WEIGHT = "weight"
    CHANNEL = "channel"


class MagnitudePrune(Pass):
    """Set the smallest weights to zero."""

    name: ClassVar[str] = "magnitude_prune"
    title: ClassVar[str] = "Zero the smallest weights (magnitude pruning)"
    summary: ClassVar[str] = (
        "Sets the given share of the weights of convolutions, matrix products and recurrent layers "
        "to zero, those with the smallest magnitude first. There is no retraining afterwards."
    )
    helps: ClassVar[str] = (
        "Shows how much of a network is redundant. Zeros compress well when the file is zipped, "
        "and engines with sparse kernels can skip them."
    )
    hurts: ClassVar[str] = (
        "Zeros alone make no ordinary (dense) engine faster, nor the plain file smaller: they are "
        "multiplied and stored like any number. Without retraining, accuracy falls quickly beyond "
        "about half; whole channels hurt much sooner."
    )
    stage: ClassVar[Stage] = Stage.PRUNE
    tolerance: ClassVar[float] = 0.9

    sparsity: float = Field(default=0.3, ge=0.0, le=0.99, description="Share of weights to zero.")
    granularity: Granularity = Field(
        default=Granularity.WEIGHT,
        description="weight: single weights anywhere (unstructured); channel: whole output "
        "channels with the smallest sum of magnitudes (structured; leaves recurrent layers alone).",
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Names of nodes whose weights are left as they are."
    )

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Zero each weight tensor by itself, so that every layer keeps the same share."""
        refuse_quantized(model)
        refuse_unknown_nodes(self.exclude, model)
        pruned = copy_of(model)
        weights = float_weights(pruned)
        axes = self._output_axes(pruned, weights)
        for name, axis in axes.items():
            self._prune(weights[name], axis)
        if not changed(model, pruned):
            return Outcome(model, False, (self._why_nothing(axes),))
        return Outcome(pruned, True, tuple(_notes([weights[name] for name in axes])))

    def _output_axes(self, model: "onnx.ModelProto", weights: Container[str]) -> dict[str, int]:
        """The weights to prune and the axis of their output channels."""
        by_channel = self.granularity == Granularity.CHANNEL
        axes: dict[str, int] = {}
        kept: set[str] = set()
        for node in model.graph.node:
            found = [node.input[i] for i in _WEIGHT_INPUTS.get(node.op_type, ())]
            if node.name in self.exclude or (by_channel and node.op_type in _RECURRENT):
                kept.update(found)
            else:
                axes |= {name: _output_axis(node) for name in found if name in weights}
        return {name: axis for name, axis in axes.items() if name not in kept}

    def _prune(self, tensor: "onnx.TensorProto", axis: int) -> None:
        import torch
        from onnx import numpy_helper
        from torch.nn.utils.prune import L1Unstructured, LnStructured

        weight = torch.from_numpy(numpy_helper.to_array(tensor).copy())
        method: Any = L1Unstructured(self.sparsity)
        if self.granularity == Granularity.CHANNEL and weight.dim() > 1:
            method = LnStructured(self.sparsity, n=1, dim=axis)
        mask = method.compute_mask(weight, default_mask=torch.ones_like(weight))
        tensor.CopyFrom(numpy_helper.from_array((weight * mask).numpy(), tensor.name))

    def _why_nothing(self, axes: dict[str, int]) -> str:
        if not axes:
            return "Nothing was pruned: no layer that may be pruned has constant weights."
        return f"Nothing was pruned: {self.sparsity:.0%} of each weight tensor rounds to nothing."


def _output_axis(node: "onnx.NodeProto") -> int:
    """Conv has [out, in, ...], ConvTranspose [in, out, ...], MatMul and Gemm [..., in, out]."""
    if node.op_type == "Gemm":
        return 0 if any(a.name == "transB" and a.i for a in node.attribute) else 1
    return {"ConvTranspose": 1, "MatMul": -1}.get(node.op_type, 0)


def _notes(tensors: list["onnx.TensorProto"]) -> list[str]:
    from onnx import numpy_helper

    values = [numpy_helper.to_array(tensor) for tensor in tensors]
    total = sum(value.size for value in values)
    zeros = total - sum(int(np.count_nonzero(value)) for value in values)
    return [
        f"{zeros:,} of {total:,} weights in {len(tensors)} tensors are zero ({zeros / total:.1%}).",
        "Zeros alone do not make a dense engine faster.",
    ]
