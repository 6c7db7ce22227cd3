"""Weights rounded to fewer digits."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from optim.model.proto import copy_of
from optim.part import Hazard, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.tools import float_weights, refuse_quantized

if TYPE_CHECKING:
    import onnx


class RoundWeights(Pass):
    """Round 32-bit weights to the values that fewer bits of mantissa can hold."""

    name: ClassVar[str] = "round_weights"
    title: ClassVar[str] = "Round the weights (fewer mantissa bits)"
    summary: ClassVar[str] = "Rounds weights to values of fewer digits; they stay 32-bit floats."
    helps: ClassVar[str] = "Rounded weights compress better, and show how many digits are needed."
    hurts: ClassVar[str] = "No engine gets faster by it, and few digits cost accuracy."
    stage: ClassVar[Stage] = Stage.PRUNE
    tolerance: ClassVar[float] = 0.999
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "few digits",
            "Weights of fewer than 6 bits cost accuracy, and rounded weights save no time.",
            lambda part, here: part.bits < 6,
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("bits", (7,)),)
    starts: ClassVar[tuple[Start, ...]] = (
        Start("round_weights + reference", 65, lambda here: here.has_matmul),
    )

    bits: int = Field(default=10, ge=2, le=22, description="Bits of mantissa that are kept.")

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Round every float initializer to the nearest value."""
        from onnx import numpy_helper

        refuse_quantized(model)
        result, changed = copy_of(model), 0
        for name, tensor in float_weights(result).items():
            values = numpy_helper.to_array(tensor)
            rounded = self._rounded(values)
            if not np.array_equal(values, rounded):
                tensor.CopyFrom(numpy_helper.from_array(rounded, name))
                changed += 1
        if not changed:
            return Outcome(model, False, ("Nothing was rounded: no weight has more digits.",))
        return Outcome(result, True, (f"{changed} tensors were rounded to {self.bits} bits.",))

    def _rounded(self, values: np.ndarray) -> np.ndarray:
        mantissa, exponent = np.frexp(values)
        scale = np.float32(2 ** (self.bits + 1))
        return np.ldexp(np.round(mantissa * scale) / scale, exponent).astype(np.float32)
