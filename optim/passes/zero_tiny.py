"""Weights too small to matter set to zero, so that no subnormal numbers are computed with.

IEEE 754 arithmetic on subnormal numbers takes many CPUs tens of times longer (Dooley and Kale,
"Quantifying the Interference Caused by Subnormal Floating-Point Values", 2006).
"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.model.proto import copy_of
from optim.names import many
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.tools import float_weights

if TYPE_CHECKING:
    import onnx

_SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)


class ZeroTiny(Pass):
    """Set weights to zero that are far below the rounding of the sums they go into."""

    name: ClassVar[str] = "zero_tiny"
    title: ClassVar[str] = "Tiny weights to zero (no subnormal numbers)"
    summary: ClassVar[str] = (
        "Sets weights to zero that are subnormal (closer to 0 than 1.2e-38) or far smaller than "
        "the rounding of the sums that they go into."
    )
    helps: ClassVar[str] = (
        "Networks whose weights have decayed to almost nothing: many CPUs multiply subnormal "
        "numbers tens of times slower than others. No answer changes that can be measured."
    )
    hurts: ClassVar[str] = (
        "Nothing is gained where there are no such weights; the engine multiplies zeros like any "
        "other number."
    )
    stage: ClassVar[Stage] = Stage.PRUNE
    tolerance: ClassVar[float] = 0.9999

    below: float = Field(
        default=1e-12,
        ge=0.0,
        le=1e-6,
        description="Weights smaller than this share of the largest of their tensor become zero, "
        "and subnormal ones in any case.",
    )

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Zero them tensor by tensor."""
        from onnx import numpy_helper

        found = copy_of(model)
        counts: dict[str, int] = {}
        for name, tensor in float_weights(found).items():
            weight = numpy_helper.to_array(tensor)
            size = np.abs(weight)
            tiny = (size > 0) & (size < self._limit(size))
            if tiny.any():
                counts[name] = int(tiny.sum())
                tensor.CopyFrom(numpy_helper.from_array(np.where(tiny, 0, weight), name))
        if not counts:
            return Outcome(model, False, ("No weight is that small.",))
        weights, tensors = many(sum(counts.values()), "weight"), many(len(counts), "tensor")
        return Outcome(found, True, (f"{weights} of {tensors} became zero.",))

    def _limit(self, size: "np.ndarray") -> float:
        finite = size[np.isfinite(size)]
        largest = float(finite.max()) if finite.size else 0.0
        return max(_SMALLEST_NORMAL, self.below * largest)
