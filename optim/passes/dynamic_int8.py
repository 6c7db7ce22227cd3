"""Dynamic 8-bit quantization by ONNX Runtime's quantizer (onnxruntime.quantization)."""

import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, field_validator

from optim.arrays import Feeds
from optim.model.opset import at_least_opset
from optim.part import Hazard, Kind, Precision, Product, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.failing import check_opens, without_failing
from optim.passes.support.quantizing import (
    REDUCING,
    IntType,
    ReduceRange,
    Reducing,
    bits_said,
    coverage,
    gemm_as_matmul,
    is_excluded,
    quant_type,
    range_settled,
    weighted_nodes,
)
from optim.passes.support.tools import (
    folding_limit,
    prepared,
    quiet,
    refuse_quantized,
    refuse_unknown_nodes,
    unfolded,
)

if TYPE_CHECKING:
    import onnx

_CONVOLUTIONS: tuple[Kind, ...] = ("conv",)
_QUANTIZED: tuple[Kind, ...] = ("matmul", "recurrent")
_SUPPORTED = ("MatMul", "Attention", "LSTM", "Gather", "Conv")


class DynamicInt8(Pass):
    """Store weights in 8 bits and quantize activations while running."""

    name: ClassVar[str] = "dynamic_int8"
    title: ClassVar[str] = "8-bit, ranges measured while running (dynamic INT8 quantization)"
    summary: ClassVar[str] = (
        "Stores the weights of matrix products and recurrent layers as 8-bit integers and "
        "multiplies in integers; the range of each activation is measured anew at every run, so "
        "no calibration inputs are needed."
    )
    helps: ClassVar[str] = (
        "Transformers, multilayer perceptrons and LSTMs on CPUs with 8-bit dot products (VNNI, "
        "AMX, ARM dot product): a quarter of the size, often twice the speed, little loss."
    )
    hurts: ClassVar[str] = (
        "Convolutions get several times slower, so they are left alone unless asked for. "
        "Measuring ranges costs time, which small layers do not earn back. Activations with a "
        "few huge values lose precision. A GRU stays in float, since ONNX Runtime has no "
        "8-bit one: put unroll_gru before it."
    )
    stage: ClassVar[Stage] = Stage.PRECISION
    floats_only: ClassVar[bool] = True
    min_opset: ClassVar[int] = 13  # the first whose integer operators take one scale per channel
    tolerance: ClassVar[float] = 0.98
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "dynamic int8 on convolutions",
            "dynamic_int8 made convolutional networks 5 to 11 times slower: its integer "
            "convolution is slow and quantizes its input on every run. Use static_int8.",
            lambda part, here: here.has_conv and "Conv" in part.op_types,
            lambda part, here: here.cited("dynamic", kinds=_CONVOLUTIONS),
        ),
        Hazard(
            "dynamic int8 in OpenVINO",
            "OpenVINO has no products of bytes whose ranges are measured while running: it turns "
            "them back into float, with conversions around them. Use static_int8.",
            lambda part, here: here.runs_on("openvino"),
            lambda part, here: here.cited("dynamic", kinds=_QUANTIZED),
        ),
        Hazard(
            "dynamic int8 gains little",
            "Products of bytes whose ranges are measured while running are hardly faster than fp32 "
            "on this CPU, or slower.",
            lambda part, here: not here.gains("dynamic", kinds=_QUANTIZED),
            lambda part, here: here.cited("dynamic", kinds=_QUANTIZED),
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (
        Searched("reduce_range", (ReduceRange.AUTO,), lambda here: here.saturated),
        Searched("weights", (IntType.U8,), lambda here: here.saturated),
        # Other kernels, of products and of LSTMs.
        Searched("per_channel", (False,), lambda h: h.has_matmul or h.recurrent, mends=False),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start(
            "fuse_transformer + dynamic_int8 + onnxruntime",
            60,
            lambda here: here.transformer and not here.has_conv,
        ),
        Start(
            "dynamic_int8 + onnxruntime",
            70,
            lambda here: (
                (here.has_matmul or here.recurrent) and not (here.has_conv or here.transformer)
            ),
        ),
    )

    op_types: tuple[str, ...] = Field(
        default=("MatMul", "Attention", "LSTM"),
        min_length=1,
        description="Op types to quantize, of MatMul (Gemm included), Attention, LSTM, Gather "
        "(embeddings) and Conv.",
    )
    per_channel: bool = Field(
        default=True,
        description="One scale per output channel instead of one per weight (more precise).",
    )
    weights: IntType = Field(
        default=IntType.S8,
        description="Integer type of the weights: s8 signed (fast on x86), u8 unsigned.",
    )
    reduce_range: Reducing = Field(default=ReduceRange.AUTO, description=REDUCING)
    exclude: tuple[str, ...] = Field(default=(), description="Names of nodes left in float.")

    @property
    def lowers_to(self) -> Precision:
        """Integers of 8 bits."""
        return "int8"

    @property
    def probed_as(self) -> str:
        """Ranges are measured while running."""
        return "dynamic"

    def settled(self, overflowing: Collection[Product]) -> tuple[Self, str]:
        """With 7 or 8 bits where `reduce_range` was left to the machine."""
        if self.reduce_range is not ReduceRange.AUTO:
            return self, ""
        found, why = range_settled(f"u8{self.weights.value}", overflowing)
        return self.model_copy(update={"reduce_range": found}), why

    @field_validator("op_types")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [op for op in value if op not in _SUPPORTED]
        if unknown:
            raise ValueError(f"{unknown[0]} is not one of {', '.join(_SUPPORTED)}")
        return value

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Quantize the nodes of the chosen op types that have constant weights."""
        refuse_quantized(model)
        slim = prepared(model, keep=self.exclude)
        refuse_unknown_nodes(self.exclude, model, slim)
        ready = self._as_quantized(slim)
        candidates = weighted_nodes(ready, self.op_types)
        chosen = self.chosen(ready)
        result, failed = self._quantize(ready, chosen, context.example) if chosen else (None, ())
        notes = coverage(
            ready, candidates, result or ready, self.op_types, exclude=self.exclude, failed=failed
        )
        notes += unfolded(slim, folding_limit(model))
        if result is None:
            which = f"{' or '.join(self.op_types)} node with constant float32 weights"
            why = f"no {which} was to be quantized"
            return Outcome(model, False, (f"Nothing was quantized: {why}.", *notes))
        return Outcome(result, True, (*notes, bits_said(self.reduce_range)))

    def form(self, model: "onnx.ModelProto") -> "onnx.ModelProto":
        """The model as it is quantized: constants folded, each Gemm a MatMul and an Add."""
        return self._as_quantized(prepared(model, keep=self.exclude))

    def _as_quantized(self, slim: "onnx.ModelProto") -> "onnx.ModelProto":
        return gemm_as_matmul(at_least_opset(slim, self.min_opset))

    def chosen(self, form: "onnx.ModelProto") -> list[str]:
        """Those of its nodes that are quantized, in its order."""
        nodes = weighted_nodes(form, self.op_types)
        return [node.name for node in nodes if not is_excluded(node, self.exclude)]

    def _quantize(
        self, model: "onnx.ModelProto", names: list[str], sample: Feeds | None
    ) -> tuple["onnx.ModelProto | None", tuple[str, ...]]:
        """The quantized model, and the names of nodes that the library could not quantize."""
        import onnx

        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "model.onnx")
            onnx.save(model, source)
            return without_failing(names, lambda some: self._once(some, source, sample))

    def _once(self, names: list[str], source: Path, sample: Feeds | None) -> "onnx.ModelProto":
        import onnx

        target = source.with_name("quantized.onnx")
        with quiet():
            from onnxruntime.quantization import quantize_dynamic

            quantize_dynamic(
                source,
                target,
                op_types_to_quantize=list(self.op_types),
                nodes_to_quantize=names,
                per_channel=self.per_channel,
                reduce_range=self.reduce_range is ReduceRange.ON,
                weight_type=quant_type(self.weights),
                extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},  # for fused ops
            )
        check_opens(target, sample)  # some kernels refuse weights of other ranks as they run
        return onnx.load(target)
