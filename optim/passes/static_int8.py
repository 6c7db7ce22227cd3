"""Static 8-bit quantization by ONNX Runtime's quantizer (onnxruntime.quantization, QDQ form)."""

import itertools
import tempfile
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field

from optim.arrays import Feeds
from optim.model.opset import at_least_opset
from optim.names import does, many
from optim.part import Circumstances, Hazard, Kind, Precision, Product, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.biases import corrected
from optim.passes.support.calibrating import Calibrator, measured_ranges, method_of
from optim.passes.support.failing import check_opens, without_failing
from optim.passes.support.gemms import biases_apart
from optim.passes.support.quantizing import (
    REDUCING,
    IntType,
    ReduceRange,
    Reducing,
    bits_said,
    coverage,
    quant_type,
    range_settled,
    weighted_nodes,
)
from optim.passes.support.scaleless import scaleless
from optim.passes.support.tools import (
    folding_limit,
    listed,
    prepared,
    quiet,
    refuse_quantized,
    refuse_unknown_nodes,
    unfolded,
)

if TYPE_CHECKING:
    import onnx

_QUANTIZED: tuple[Kind, ...] = ("conv", "matmul")
_FLOAT_OUTPUT_OPS = ("MatMul", "Gemm")
"""Their kernels give float outputs at no cost, and what follows them seldom wants integers."""
_CHAIN_OPS = {
    *("Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "MaxPool"),
    *("Relu", "LeakyRelu", "Clip", "Sigmoid"),
    *("Flatten", "Reshape", "Squeeze", "Transpose", "Unsqueeze"),
}
"""What ONNX Runtime computes in 8 bits, worth it only between nodes that are quantized."""
_ABSORBED_OPS = ("Relu", "Clip")
"""They cost nothing: the rounding of the node before them does their work."""
_MUCH_SLOWER = 0.8


class ActivationType(StrEnum):
    """Integer type of activations."""

    U8 = "u8"
    S8 = "s8"
    U16 = "u16"


def _loses_to_u8s8(here: Circumstances) -> bool:
    """Whether signed activations are much slower, as measured, else as is known of engines."""
    signed, usual = here.measured("s8s8"), here.measured("u8s8")
    both = signed.keys() & usual.keys()
    if not both:
        return here.runs_on("onnxruntime")
    return any(signed[kind].value < _MUCH_SLOWER * usual[kind].value for kind in both)


class StaticInt8(Pass):
    """Quantize weights and activations to 8 bits with ranges measured beforehand."""

    name: ClassVar[str] = "static_int8"
    title: ClassVar[str] = "8-bit, ranges measured beforehand (static INT8 quantization, QDQ)"
    summary: ClassVar[str] = (
        "Stores weights and activations as 8-bit integers. The range of each activation is "
        "measured once, on the calibration samples. Batch normalization is first merged into "
        "convolutions and constants are folded, as the quantizer asks."
    )
    helps: ClassVar[str] = (
        "Convolutional networks on CPUs with 8-bit dot products (VNNI, AMX, ARM) and on "
        "accelerators: a quarter of the size and two to nine times the speed."
    )
    hurts: ClassVar[str] = (
        "Accuracy, where activations have outliers (transformers, detection heads): leave such "
        "nodes out or choose another calibration. Signed activations (s8) cost most of the gain "
        "on x86 with ONNX Runtime. Recurrent layers are not quantized."
    )
    stage: ClassVar[Stage] = Stage.PRECISION
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    min_opset: ClassVar[int] = 13  # the first whose QuantizeLinear has one scale per channel
    tolerance: ClassVar[float] = 0.98
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "signed activations",
            "Signed activations cost most of the gain of int8 here: the fast kernels of ONNX "
            "Runtime on x86, for one, take unsigned ones (u8s8). Use activations=u8.",
            lambda part, here: part.activations == ActivationType.S8 and _loses_to_u8s8(here),
            lambda part, here: here.cited("s8s8", "u8s8"),
        ),
        Hazard(
            "int8 on recurrent",  # a head of one or two Gemm is common
            "static_int8 leaves recurrent operators in float. Try dynamic_int8 (of a GRU behind "
            "unroll_gru).",
            lambda part, here: (
                here.recurrent
                and not here.has_conv
                and all(one.name != "unroll_gru" for one in here.recipe)
            ),
        ),
        Hazard(
            "int8 gains little",
            "Products of bytes are hardly faster than fp32 on this CPU, or slower.",
            lambda part, here: not here.gains("int8", kinds=_QUANTIZED),
            lambda part, here: here.cited("int8", kinds=_QUANTIZED),
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (
        Searched("reduce_range", (ReduceRange.AUTO,), lambda here: here.saturated),
        Searched("weights", (IntType.U8,), lambda here: here.saturated),
        Searched("bias_correction", (True,), lambda here: here.has_conv),
        Searched("calibration", (Calibrator.ENTROPY, Calibrator.PERCENTILE)),
        # Other kernels, of products.
        Searched("per_channel", (False,), lambda here: here.has_matmul, mends=False),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start("static_int8 + onnxruntime", 40, lambda here: here.has_products),
        Start("static_int8 + openvino", 50, lambda here: here.has_products),
    )

    calibration: Calibrator = Field(
        default=Calibrator.MINMAX,
        description="Range of an activation: minmax takes all that was seen; percentile cuts off "
        "outliers; entropy seeks the cut that keeps most information (slow).",
    )
    percentile: float = Field(
        default=99.99,
        ge=90.0,
        le=100.0,
        description="Share of the values kept in range, in percent; for percentile calibration.",
    )
    samples: int = Field(
        default=128, ge=1, le=10_000, description="Calibration samples used, at most."
    )
    per_channel: bool = Field(
        default=True,
        description="One scale per output channel instead of one per weight (more precise).",
    )
    activations: ActivationType = Field(
        default=ActivationType.U8,
        description="Integer type of activations: u8 (fast on x86), s8 (other targets), u16 (more "
        "precise, but not computed in integers on CPUs).",
    )
    weights: IntType = Field(
        default=IntType.S8, description="Integer type of weights: s8 signed, u8 unsigned."
    )
    symmetric: bool = Field(
        default=False, description="Centre the ranges of activations on zero (some accelerators)."
    )
    reduce_range: Reducing = Field(default=ReduceRange.AUTO, description=REDUCING)
    bias_correction: bool = Field(
        default=False,
        description="Shift each bias by the mean error that rounding makes on calibration samples: "
        "free while running, and it can help as much as it can hurt.",
    )
    op_types: tuple[str, ...] = Field(
        default=("Conv", "ConvTranspose", "MatMul"),
        min_length=1,
        description="Op types to quantize, where their weights are constant; MatMul includes Gemm.",
    )
    chain: bool = Field(
        default=True,
        description="Also keep pooling, addition and the like in 8 bits where they lie between "
        "quantized nodes, which saves converting back and forth.",
    )
    exclude: tuple[str, ...] = Field(default=(), description="Names of nodes left in float.")

    @property
    def lowers_to(self) -> Precision:
        """Integers of 8 bits."""
        return "int8"

    def cheaply(self) -> Self:
        """Ranges of one sample, biases as they are: no kernel depends on them."""
        cheap = {"samples": 1, "calibration": Calibrator.MINMAX, "bias_correction": False}
        return self.model_copy(update=cheap)

    def settled(self, overflowing: Collection[Product]) -> tuple[Self, str]:
        """With 7 or 8 bits where `reduce_range` was left to the machine."""
        if self.reduce_range is not ReduceRange.AUTO:
            return self, ""
        found, why = range_settled(f"{self.activations.value}{self.weights.value}", overflowing)
        return self.model_copy(update={"reduce_range": found}), why

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Insert QuantizeLinear and DequantizeLinear around the chosen nodes."""
        refuse_quantized(model)
        ready = self.form(model)
        refuse_unknown_nodes(self.exclude, model, ready)
        candidates = weighted_nodes(ready, self._op_types())
        heavy = self._heavy(ready)
        chosen = self.chosen(ready)
        feeds = list(itertools.islice(context.calibration, self.samples)) if heavy else []
        result, failed, close = self._quantize(ready, chosen, feeds) if heavy else (None, (), [])
        after, kinds = result or ready, self._op_types()
        covered = coverage(ready, candidates, after, kinds, exclude=self.exclude, failed=failed)
        left = (*_said_of_close(close), *unfolded(ready, folding_limit(model)))
        if result is None:
            which = f"{' or '.join(self.op_types)} node with constant float32 weights"
            why = f"no {which} was to be quantized"
            return Outcome(model, False, (f"Nothing was quantized: {why}.", *covered, *left))
        notes = [*covered, *self._said_of_groups(ready, chosen)]
        between = set(chosen) - heavy - {*failed, *close}
        if between:
            nodes, stay = many(len(between), "node"), does(len(between), "stay")
            notes.append(f"{nodes} between them {stay} in 8 bits too.")
        notes += [bits_said(self.reduce_range), *left]
        if self.bias_correction:
            notes.append("Biases were shifted by the mean errors on calibration samples.")
        count = context.calibration.counted(len(feeds))
        notes.append(f"Ranges: {self.calibration.value} over {count} calibration samples.")
        return Outcome(result, True, tuple(notes))

    def form(self, model: "onnx.ModelProto") -> "onnx.ModelProto":
        """The model as it is quantized: constants folded, biases merged into products.

        As Gemm, a product and its bias are quantized together. Apart, ONNX Runtime merges them
        while it loads, before it sees that the product is quantized, and computes in float.
        """
        ready = at_least_opset(prepared(model, skip=(), keep=self.exclude), self.min_opset)
        biases_apart(ready)
        return ready

    def chosen(self, form: "onnx.ModelProto") -> list[str]:
        """Those of its nodes that are quantized, in its order."""
        return self._with_chain(form, self._heavy(form))

    def _heavy(self, form: "onnx.ModelProto") -> set[str]:
        """The nodes with weights that are quantized."""
        nodes = weighted_nodes(form, self._op_types())
        return {node.name for node in nodes if node.name not in self.exclude}

    def _op_types(self) -> tuple[str, ...]:
        """Those to quantize; MatMul includes Gemm."""
        return (*self.op_types, *(("Gemm",) if "MatMul" in self.op_types else ()))

    def _said_of_groups(self, model: "onnx.ModelProto", names: list[str]) -> tuple[str, ...]:
        nodes = _grouped_transposed(model, names) if self.per_channel else []
        if not nodes:
            return ()
        return (
            f"One scale for the whole weight, since ONNX Runtime's quantizer cannot tell the "
            f"channels of groups apart: {listed(node.name for node in nodes)}.",
        )

    def _with_chain(self, model: "onnx.ModelProto", heavy: set[str]) -> list[str]:
        """The heavy nodes and, in between, what takes only 8-bit values and gives to such nodes."""
        links = self._fed_in_integers(model, heavy) if self.chain else set()
        readers: dict[str, list[str]] = {value.name: [""] for value in model.graph.output}
        chosen = set(heavy)
        for node in reversed(model.graph.node):
            to = [name for output in node.output for name in readers.get(output, [])]
            absorbed = node.op_type in _ABSORBED_OPS
            if node.name in links and (absorbed or chosen.issuperset(to)):
                chosen.add(node.name)
            for name in node.input:
                readers.setdefault(name, []).append(node.name)
        return [node.name for node in model.graph.node if node.name in chosen]

    def _fed_in_integers(self, model: "onnx.ModelProto", heavy: set[str]) -> set[str]:
        """The nodes all of whose moving inputs come from convolutions or from such nodes."""
        constants = {tensor.name for tensor in model.graph.initializer} | {""}
        integers: set[str] = set()
        fed = set()
        for node in model.graph.node:
            moving = set(node.input) - constants
            if node.name in heavy:
                integers.update(() if node.op_type in _FLOAT_OUTPUT_OPS else node.output)
            elif (
                node.op_type in _CHAIN_OPS and node.name not in self.exclude and moving <= integers
            ):
                fed.add(node.name)
                integers.update(node.output)
        return fed

    def _quantize(
        self, model: "onnx.ModelProto", names: list[str], feeds: list[Feeds]
    ) -> tuple["onnx.ModelProto | None", tuple[str, ...], list[str]]:
        """The quantized model, the nodes that the library could not quantize, and `scaleless`."""
        import onnx

        with tempfile.TemporaryDirectory() as folder:
            source, ranges = Path(folder, "model.onnx"), Path(folder, "ranges.json")
            onnx.save(model, source)
            types = _types_of(model, names)
            with quiet():
                ranges.write_bytes(
                    measured_ranges(source, types, feeds, self.calibration, self.percentile)
                )
            close = scaleless(model, names, ranges)
            names = [name for name in names if name not in close]
            if not names:
                return None, (), close
            found = without_failing(names, lambda some: self._once(model, some, source, ranges))
            if not self.bias_correction or found[0] is None:
                return *found, close
            shifted = corrected(model, found[0], names, feeds)
            onnx.save(shifted, source)
            found = without_failing(names, lambda some: self._once(shifted, some, source, ranges))
            return *found, close

    def _once(
        self, model: "onnx.ModelProto", names: list[str], source: Path, ranges: Path
    ) -> "onnx.ModelProto":
        import onnx

        target = source.with_name("quantized.onnx")
        with quiet():
            from onnxruntime.quantization import quantize_static

            quantize_static(
                source,
                target,
                calibration_cache_path=ranges,
                calibrate_method=method_of(self.calibration),
                op_types_to_quantize=_types_of(model, names),
                nodes_to_quantize=names,
                per_channel=self.per_channel,
                reduce_range=self.reduce_range is ReduceRange.ON,
                activation_type=quant_type(self.activations),
                weight_type=quant_type(self.weights),
                extra_options={
                    "ActivationSymmetric": self.symmetric,
                    "MatMulConstBOnly": True,
                    "OpTypesToExcludeOutputQuantization": list(_FLOAT_OUTPUT_OPS),
                    "TensorQuantOverrides": self._overrides(model, names),
                },
            )
        check_opens(target)
        return onnx.load(target)

    def _overrides(self, model: "onnx.ModelProto", names: list[str]) -> dict[str, Any]:
        """Weights that get one scale, though each channel is to have its own."""
        nodes = _grouped_transposed(model, names) if self.per_channel else []
        return {node.input[1]: [{"quant_type": quant_type(self.weights)}] for node in nodes}


def _said_of_close(names: Collection[str]) -> tuple[str, ...]:
    if not names:
        return ()
    return (
        f"Left in float, since values there are too close to zero for 8 bits, or were zero on all "
        f"calibration samples: {listed(names)}.",
    )


def _types_of(model: "onnx.ModelProto", names: list[str]) -> list[str]:
    chosen = set(names)
    return sorted({node.op_type for node in model.graph.node if node.name in chosen})


def _grouped_transposed(model: "onnx.ModelProto", names: list[str]) -> list["onnx.NodeProto"]:
    """Transposed convolutions with groups: their weight's axis of output channels is shorter."""
    chosen = set(names)
    return [
        node
        for node in model.graph.node
        if node.op_type == "ConvTranspose"
        and node.name in chosen
        and any(a.name == "group" and a.i > 1 for a in node.attribute)
    ]
