"""Dynamic 8-bit quantization with one scale per tensor, by ONNX Runtime's quantizer.

A pass as somebody would drop it into `optim/passes/`; `test_dropped_in.py` does.
"""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from optim.model.opset import at_least_opset
from optim.part import Hazard, Precision, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.quantizing import (
    IntType,
    coverage,
    gemm_as_matmul,
    quant_type,
    weighted_nodes,
)
from optim.passes.support.tools import prepared, quiet, refuse_quantized

if TYPE_CHECKING:
    import onnx


class TensorInt8(Pass):
    """Quantize weights with one scale per tensor, activations while running."""

    name: ClassVar[str] = "tensor_int8"
    title: ClassVar[str] = "8-bit, one scale per tensor (dynamic INT8 quantization)"
    summary: ClassVar[str] = (
        "Stores each matrix of weights as 8-bit integers with a single scale and multiplies in "
        "integers; activations are measured while running."
    )
    helps: ClassVar[str] = "Engines that know no scales per channel."
    hurts: ClassVar[str] = "Channels of small weights lose precision beside those of large ones."
    stage: ClassVar[Stage] = Stage.PRECISION
    tolerance: ClassVar[float] = 0.95
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "one scale on int8 instructions",
            "This CPU multiplies with a scale per channel just as fast. Use dynamic_int8.",
            lambda part, here: here.int8_instructions and here.runs_on("onnxruntime"),
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (
        Searched("weights", (IntType.U8,), lambda here: not here.has_conv),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start("tensor_int8 + onnxruntime", 65, lambda here: here.has_matmul),
    )

    weights: IntType = Field(default=IntType.S8, description="Integer type of the weights.")

    @property
    def lowers_to(self) -> Precision:
        """Integers of 8 bits."""
        return "int8"

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Quantize the matrix products with constant weights."""
        refuse_quantized(model)
        ready = gemm_as_matmul(at_least_opset(prepared(model), 13))
        candidates = weighted_nodes(ready, ("MatMul",))
        if not candidates:
            return Outcome(model, False, ("Nothing was quantized: there is no such product.",))
        result = self._quantize(ready, [node.name for node in candidates])
        return Outcome(result, True, coverage(ready, candidates, result, ("MatMul",)))

    def _quantize(self, model: "onnx.ModelProto", names: list[str]) -> "onnx.ModelProto":
        import onnx

        with quiet(), tempfile.TemporaryDirectory() as folder:
            from onnxruntime.quantization import quantize_dynamic

            source, target = Path(folder, "model.onnx"), Path(folder, "quantized.onnx")
            onnx.save(model, source)
            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=["MatMul"],
                nodes_to_quantize=names,
                per_channel=False,
                weight_type=quant_type(self.weights),
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
            )
            return onnx.load(target)
