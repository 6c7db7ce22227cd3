"""Whether a lossy 8-bit model loses because products overflow on this CPU, and what helps.

Sums of two products that leave 16 bits saturate on some CPUs (`runtimes.support.overflow` has why,
and tells whether an engine does so here). Weights of 7 bits cannot overflow; unsigned weights are
computed otherwise.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from optim import sandbox
from optim.arrays import Array
from optim.findings import Caution, percent
from optim.judging.quality import Quality
from optim.metrics.base import find_metric
from optim.model import Model
from optim.model.proto import read_proto
from optim.names import legible
from optim.part import Circumstances
from optim.recipe import Recipe
from optim.runtimes.support.overflow import HIGHEST, LOWEST, MOST_U8, saturates_here

if TYPE_CHECKING:
    import onnx

SATURATED = "saturation"
_FEW = 4
_RAW_WEIGHT = {"MatMulInteger": 1, "ConvInteger": 1, "QLinearMatMul": 3, "QLinearConv": 3}
_RAW_WEIGHT |= {"MatMulIntegerToFloat": 1, "DynamicQuantizeMatMul": 1, "QAttention": 1}
_RAW_WEIGHT |= {"DynamicQuantizeLSTM": 1, "QGemm": 3}
_WEIGHT = {"MatMul": 1, "Gemm": 1, "Conv": 1, "ConvTranspose": 1}


class Suspect(BaseModel):
    """A layer whose products may overflow: `share` of its neighbouring pairs of weights."""

    node: str
    share: float


def lost(quality: Quality) -> bool:
    """Whether there is a loss to explain: clearly worse by its metric, or far-off outputs."""
    low, high = quality.difference_ci
    worse = high < 0 if find_metric(quality.metric).higher_is_better else low > 0
    return worse or not quality.sound


def saturation(
    built: Model, recipe: Recipe, cancelled: Callable[[], bool] = lambda: False
) -> Caution | None:
    """A caution where 8-bit products of this model can overflow on this machine's engine.

    None for a recipe that does not lower to 8 bits, a CPU that computes exactly, and weights whose
    products always fit. Raises Cancelled.
    """
    if not any(part.lowers_to == "int8" for part in recipe.parts):
        return None
    if not saturates_here(recipe.runtime.name):
        return None
    found = sandbox.call(
        suspects,
        {"path": str(built.path)},
        where="quality",
        files=sandbox.Files(readable=(built.folder,)),
        cancelled=cancelled,
    )
    layers = [Suspect.model_validate(item) for item in found]
    return _caution(layers, recipe) if layers else None


def _caution(layers: Sequence[Suspect], recipe: Recipe) -> Caution:
    worst = sorted(layers, key=lambda layer: -layer.share)[:_FEW]
    named = ", ".join(f"{legible(one.node)} ({percent(one.share)} of its pairs)" for one in worst)
    more = f" and {len(layers) - len(worst)} more" if len(layers) > len(worst) else ""
    text = (
        "On this CPU sums of two 8-bit products overflow 16 bits (it lacks VNNI or its like), and "
        f"the weights of these layers are large enough for it: {named}{more}. That, not 8 bits as "
        "such, may be what loses the quality; a CPU with such instructions would not lose it."
    )
    helps = " or ".join(_remedies(recipe))
    return Caution(code=SATURATED, text=f"{text} Try {helps}." if helps else text)


def _remedies(recipe: Recipe) -> list[str]:
    """What the recipe's parts declare worth trying only where products overflow."""
    usual = Circumstances({}, recipe=recipe.parts)
    here = Circumstances({}, recipe=recipe.parts, saturated=True)
    return [
        f"{part.name}:{one.field}={str(value).lower()}"
        for part in recipe.parts
        for one in part.searched
        if one.when(here) and not one.when(usual)
        for value in one.values
        if getattr(part, one.field) != value
    ]


def suspects(path: str) -> list[dict[str, Any]]:
    """Child: the layers of a quantized model that have pairs of weights which can overflow."""
    found = []
    for node, weight in _signed_weights(read_proto(Path(path))):
        share = share_of_overflowing_pairs(weight)
        if share > 0:
            found.append(Suspect(node=node, share=share).model_dump())
    return found


def share_of_overflowing_pairs(weight: Array) -> float:
    """The share of neighbouring pairs along the last axis whose products can leave 16 bits.

    Of two s8 weights by any two u8 values the largest sum is 255 times those above 0, the smallest
    255 times those below.
    """
    pairs = weight[..., : weight.shape[-1] // 2 * 2].reshape(-1, 2).astype(np.int64)
    if not pairs.size:
        return 0.0
    above = MOST_U8 * np.maximum(pairs, 0).sum(axis=1)
    below = MOST_U8 * np.minimum(pairs, 0).sum(axis=1)
    return float(np.mean((above > HIGHEST) | (below < LOWEST)))


def _signed_weights(model: "onnx.ModelProto") -> Iterator[tuple[str, Array]]:
    """Every signed 8-bit weight by its node's name, the axis that is summed over last."""
    from onnx import TensorProto, numpy_helper

    signed = {t.name: t for t in model.graph.initializer if t.data_type == TensorProto.INT8}
    stored = dict(signed)
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in signed:
            stored[node.output[0]] = signed[node.input[0]]
    for node in model.graph.node:
        place = _RAW_WEIGHT.get(node.op_type, _WEIGHT.get(node.op_type))
        tensor = stored.get(node.input[place]) if place and place < len(node.input) else None
        if tensor is not None and len(tensor.dims) >= 2:
            yield node.name or node.output[0], summed_last(node, numpy_helper.to_array(tensor))


def summed_last(node: "onnx.NodeProto", weight: Array) -> Array:
    """The weight as rows of what is summed up. Conv [out, in, ...]: as ONNX Runtime unrolls it."""
    if "Conv" in node.op_type:
        return weight.reshape(len(weight), -1)
    if any(a.name == "transB" and a.i for a in node.attribute):
        return weight
    return np.moveaxis(weight, -2, -1)
