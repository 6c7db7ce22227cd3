"""Magnitude pruning, choosing the weights that torch.nn.utils.prune.L1Unstructured would.

Weights with the smallest magnitudes are set to zero: Han et al., "Learning both Weights and
Connections for Efficient Neural Networks", 2015. Done with NumPy, since importing PyTorch costs
two seconds in every build.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from optim.findings import percent
from optim.model.compare import changed
from optim.model.proto import copy_of
from optim.names import many
from optim.part import Hazard, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.layers import Weight, weights_of
from optim.passes.support.tools import refuse_quantized, refuse_unknown_nodes

if TYPE_CHECKING:
    import onnx

_WEIGHT_INPUTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), (1,)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2)),  # from the input and from the state
}


_BLOCK = 4


class Pattern(StrEnum):
    """Which weights may become zero."""

    ANY = "any"
    TWO_OF_FOUR = "2:4"
    BLOCK = "block"


class MagnitudePrune(Pass):
    """Set the smallest weights to zero."""

    name: ClassVar[str] = "magnitude_prune"
    title: ClassVar[str] = "Zero the smallest weights (magnitude pruning)"
    summary: ClassVar[str] = (
        "Sets the given share of the weights of convolutions, matrix products and recurrent layers "
        "to zero, those with the smallest magnitude first. There is no retraining afterwards."
    )
    helps: ClassVar[str] = (
        "Shows how much of a network is redundant. Zeros compress well: the size of the compressed "
        "file is shown beside the plain one. TensorRT skips them on NVIDIA GPUs since Ampere with "
        "pattern 2:4; kernels for blocks are found in libraries for sparse products."
    )
    hurts: ClassVar[str] = (
        "Zeros alone make no ordinary (dense) engine faster, nor the plain file smaller: they are "
        "multiplied and stored like any number. Without retraining, accuracy falls quickly beyond "
        "about half."
    )
    stage: ClassVar[Stage] = Stage.PRUNE
    floats_only: ClassVar[bool] = True
    compresses: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.9
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "zeros in a dense engine",
            "Neither engine skips zero weights: expect a smaller compressed file and some quality "
            "loss, no speed.",
            lambda part, here: True,
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("sparsity", (0.5,)),)
    starts: ClassVar[tuple[Start, ...]] = (Start("magnitude_prune + openvino", 100),)

    sparsity: float = Field(
        default=0.3,
        ge=0.0,
        le=0.99,
        description="Share of weights to zero, with patterns any and block.",
    )
    pattern: Pattern = Field(
        default=Pattern.ANY,
        description="any: the smallest weights wherever they are (unstructured); 2:4: the two "
        "smallest of each four neighbours, half of all, as sparse tensor cores want it; block: the "
        "smallest blocks of 4 outputs by 4 inputs.",
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Names of nodes whose weights are left as they are."
    )

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Zero each weight tensor by itself, so that every layer keeps the same share."""
        refuse_quantized(model)
        refuse_unknown_nodes(self.exclude, model)
        pruned = copy_of(model)
        found = [weight for weight in weights_of(pruned, _WEIGHT_INPUTS) if self._may(weight)]
        for weight in found:
            self._prune(weight.tensor, _input_axis(weight.readers[-1]))
        if not changed(model, pruned):
            return Outcome(model, False, (_why_nothing(found),))
        return Outcome(pruned, True, tuple(_notes([weight.tensor for weight in found])))

    def _may(self, weight: Weight) -> bool:
        return not any(node.name in self.exclude for node in weight.readers)

    def _prune(self, tensor: "onnx.TensorProto", axis: int) -> None:
        from onnx import numpy_helper

        weight = numpy_helper.to_array(tensor)
        mask = self._mask(weight, axis)
        tensor.CopyFrom(numpy_helper.from_array(weight * mask, tensor.name))

    def _mask(self, weight: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
        """1 where a weight stays, 0 where it goes."""
        match self.pattern:
            case Pattern.TWO_OF_FOUR:
                return _two_of_four(weight, axis)
            case Pattern.BLOCK:
                return _blocks(weight, axis, self.sparsity)
        return self._any(weight)

    def _any(self, weight: NDArray[np.float32]) -> NDArray[np.float32]:
        """Zero where the smallest magnitudes are, their share rounded to whole weights."""
        mask = np.ones(weight.size, np.float32)
        smallest = np.argsort(np.abs(weight), axis=None, kind="stable")
        mask[smallest[: round(self.sparsity * weight.size)]] = 0
        return mask.reshape(weight.shape)


def _why_nothing(found: list[Weight]) -> str:
    if not found:
        return "Nothing was pruned: no layer that may be pruned has constant weights."
    return "Nothing was pruned: the share rounds to no weight, or these are zero already."


def _input_axis(node: "onnx.NodeProto") -> int:
    """Conv [out, in, ...], ConvTranspose [in, out, ...], MatMul [..., in, out], LSTM [1, out, in].

    Source: the operators' definitions in ONNX (Operators.md).
    """
    if node.op_type == "Gemm":
        return 1 if any(a.name == "transB" and a.i for a in node.attribute) else 0
    return {"ConvTranspose": 0, "Conv": 1, "MatMul": -2}.get(node.op_type, 2)


def _two_of_four(weight: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    """A mask that zeroes the two smallest of each four neighbours; an incomplete four stays."""
    mask = np.ones_like(weight)
    if weight.ndim < 2:
        return mask
    values, view = np.moveaxis(np.abs(weight), axis, -1), np.moveaxis(mask, axis, -1)
    for start in range(0, values.shape[-1] - 3, 4):
        smallest = np.argsort(values[..., start : start + 4], axis=-1, kind="stable")[..., :2]
        np.put_along_axis(view[..., start : start + 4], smallest, 0.0, axis=-1)
    return mask


def _blocks(weight: NDArray[np.float32], axis: int, share: float) -> NDArray[np.float32]:
    """A mask that zeroes the blocks of neighbouring outputs and inputs with the smallest sums;
    what fills no block stays."""
    mask = np.ones_like(weight)
    if weight.ndim < 2:
        return mask
    out = -1 if axis == -2 else 0 if axis == 1 else 1
    values = np.moveaxis(np.abs(weight), (out, axis), (-2, -1))
    view = np.moveaxis(mask, (out, axis), (-2, -1))
    rows, columns = (size // _BLOCK * _BLOCK for size in values.shape[-2:])
    whole = values[..., :rows, :columns]
    shape = (*whole.shape[:-2], rows // _BLOCK, _BLOCK, columns // _BLOCK, _BLOCK)
    sums = whole.reshape(shape).sum(axis=(-3, -1))
    kept = np.ones(sums.size, np.float32)
    kept[np.argsort(sums, axis=None, kind="stable")[: round(share * sums.size)]] = 0
    spread = kept.reshape(sums.shape).repeat(_BLOCK, -2).repeat(_BLOCK, -1)
    view[..., :rows, :columns] = spread
    return mask


def _notes(tensors: list["onnx.TensorProto"]) -> list[str]:
    from onnx import numpy_helper

    values = [numpy_helper.to_array(tensor) for tensor in tensors]
    total = sum(value.size for value in values)
    zeros = total - sum(int(np.count_nonzero(value)) for value in values)
    return [
        f"{zeros:,} of {total:,} weights in {many(len(tensors), 'tensor')} are zero "
        f"({percent(zeros / total, 1)}).",
        "Zeros alone do not make a dense engine faster.",
    ]
