"""Weight clustering: each weight tensor keeps only a few different values, found by k-means.

Han et al., "Deep Compression", 2016. The values stay floats, so every engine runs the model as
before, at the same speed; the file compresses to a fraction.
"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.arrays import Array
from optim.model.compare import changed
from optim.model.proto import copy_of
from optim.part import Hazard, Searched
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.layers import Weight, weights_of
from optim.passes.support.tools import refuse_quantized, refuse_unknown_nodes

if TYPE_CHECKING:
    import onnx

_WEIGHT_INPUTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "Gemm", "MatMul"), (1,)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2)),
    "Gather": (0,),
}
_ROUNDS = 30


class ClusterWeights(Pass):
    """Give each weight the nearest of a few values."""

    name: ClassVar[str] = "cluster_weights"
    title: ClassVar[str] = "Few different weights (weight clustering)"
    summary: ClassVar[str] = (
        "Replaces each weight by the nearest of a few values, found for each layer by k-means. "
        "The values are stored as floats like any other."
    )
    helps: ClassVar[str] = (
        "The size of the compressed file, as it travels in a package or an update: with 32 values "
        "about a quarter. That size is shown beside the plain one."
    )
    hurts: ClassVar[str] = (
        "No engine here is faster with it, and the plain file is as large as before. With 8 values "
        "or fewer, accuracy falls."
    )
    stage: ClassVar[Stage] = Stage.PRECISION
    floats_only: ClassVar[bool] = True
    compresses: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.9
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "clusters in a dense engine",
            "No engine here computes with clustered weights: expect a smaller compressed file and "
            "no speed.",
            lambda part, here: True,
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("values", (16,)),)

    values: int = Field(
        default=32, ge=2, le=256, description="Different values of each layer's weights."
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Names of nodes whose weights are left as they are."
    )

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Cluster each weight tensor by itself."""
        from onnx import numpy_helper

        refuse_quantized(model)
        refuse_unknown_nodes(self.exclude, model)
        made = copy_of(model)
        found = [weight for weight in weights_of(made, _WEIGHT_INPUTS) if self._may(weight)]
        for tensor in (weight.tensor for weight in found):
            values = numpy_helper.to_array(tensor)
            if values.size > self.values and np.isfinite(values).all():
                clusters = clustered(values, self.values)
                tensor.CopyFrom(numpy_helper.from_array(clusters, tensor.name))
        if not changed(model, made):
            return Outcome(model, False, ("Nothing was clustered: no layer has as many weights.",))
        said = f"The weights of {len(found)} layers have {self.values} values each."
        return Outcome(made, True, (said, "Only the compressed file gets smaller by it."))

    def _may(self, weight: Weight) -> bool:
        return not any(node.name in self.exclude for node in weight.readers)


def clustered(weight: Array, count: int) -> Array:
    """Each number as the nearest of `count`: k-means in one dimension, from even quantiles.

    Zeros stay zeros, so that what was pruned stays so.
    """
    flat = np.sort(weight[weight != 0].astype(np.float64), axis=None)
    if not flat.size:
        return weight
    centres = np.quantile(flat, (np.arange(count) + 0.5) / count)
    sums = np.concatenate([[0.0], np.cumsum(flat)])
    for _ in range(_ROUNDS):
        edges = np.searchsorted(flat, (centres[1:] + centres[:-1]) / 2)
        starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [flat.size]])
        sizes = ends - starts
        means = (sums[ends] - sums[starts]) / np.maximum(sizes, 1)
        centres = np.where(sizes > 0, means, centres)
    nearest = np.searchsorted((centres[1:] + centres[:-1]) / 2, weight)
    found: Array = np.where(weight == 0, 0, centres[nearest]).astype(np.float32)
    return found
