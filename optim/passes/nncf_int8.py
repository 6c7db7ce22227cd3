"""Static 8-bit quantization by NNCF (https://github.com/openvinotoolkit/nncf)."""

from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from optim.errors import InputError, StepError
from optim.model.proto import copy_of
from optim.part import Hazard, Precision, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.tools import (
    count_ops,
    counted,
    float_weights,
    prepared,
    quiet,
    refuse_over_2_gb,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx


_PRODUCTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_NOTHING = "NNCF found no node to quantize."


class Preset(StrEnum):
    """How activations are stored."""

    PERFORMANCE = "performance"
    MIXED = "mixed"


class Kind(StrEnum):
    """Whether NNCF treats the model as a transformer."""

    AUTO = "auto"
    TRANSFORMER = "transformer"
    OTHER = "other"


class Sums(StrEnum):
    """Whether sums and other nodes that are no products are quantized, too."""

    AUTO = "auto"
    YES = "yes"
    NO = "no"


class NncfInt8(Pass):
    """Quantize as Intel's own tool for OpenVINO does, with its corrections."""

    name: ClassVar[str] = "nncf_int8"
    title: ClassVar[str] = "8-bit for OpenVINO (NNCF's quantization)"
    summary: ClassVar[str] = (
        "Quantizes weights and activations to 8 bits with Intel's NNCF: it knows which nodes "
        "OpenVINO runs in 8 bits, smooths outliers, and corrects the bias of each layer."
    )
    helps: ClassVar[str] = (
        "OpenVINO, on networks where plain quantization loses too much: its bias correction wins "
        "points back without training."
    )
    hurts: ClassVar[str] = (
        "Activations are signed, which ONNX Runtime multiplies slowly: use static_int8 there. It "
        "is a large package that has to be installed first, and takes longer to quantize."
    )
    stage: ClassVar[Stage] = Stage.PRECISION
    packages: ClassVar[tuple[str, ...]] = ("nncf",)
    requirements: ClassVar[tuple[str, ...]] = (
        *("nncf==3.4.0", "ninja==1.13.2", "pydot==4.0.1", "pyparsing==3.3.3"),
        *("safetensors==0.8.0", "scikit-learn==1.9.1", "tabulate==0.10.0"),
    )
    """What NNCF asks for beyond the program's own packages."""
    requirements_mb: ClassVar[float] = 37
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    min_opset: ClassVar[int] = 13
    tolerance: ClassVar[float] = 0.95
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "nncf on ONNX Runtime",
            "NNCF's signed activations run slower than floats on ONNX Runtime; OpenVINO is what "
            "they are for.",
            lambda part, here: here.runs_on("onnxruntime"),
        ),
    )
    starts: ClassVar[tuple[Start, ...]] = (
        Start(
            "nncf_int8 + openvino",
            35,
            lambda here: here.has_conv and here.gains("int8", "openvino"),
        ),
    )

    preset: Preset = Field(
        default=Preset.MIXED,
        description="performance: scales without zero points; mixed: activations have zero points "
        "(more precise).",
    )
    kind: Kind = Field(
        default=Kind.AUTO,
        description="Treat the model as a transformer: smooths outliers and spares attention. auto "
        "does where it has a softmax and no convolution.",
    )
    sums: Sums = Field(
        default=Sums.AUTO,
        description="Whether sums and other arithmetic are quantized as products are. auto: where "
        "there are convolutions, into which OpenVINO fuses them; elsewhere one range for features "
        "of many scales costs much.",
    )
    fast_bias: bool = Field(
        default=True,
        description="Correct biases from statistics of layers; otherwise layer after layer, which "
        "is slower and more precise.",
    )
    samples: int = Field(
        default=128, ge=1, le=10_000, description="Calibration samples to use, at most."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Names of nodes left in float.")

    @property
    def lowers_to(self) -> Precision:
        """Integers of 8 bits."""
        return "int8"

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Let NNCF quantize a clean copy, with the nodes named uniquely as it demands."""
        refuse_over_2_gb(model)
        refuse_quantized(model)
        if not any(count_ops(model)[kind] for kind in _PRODUCTS):
            return Outcome(model, False, (_NOTHING,))
        nncf = _library()
        samples = [*context.calibration][: self.samples]
        if not samples:
            raise InputError("There are no calibration inputs.", "Bring an EvalSet with some.")
        ready = prepared(model, keep=self.exclude)
        refuse_unknown_nodes(self.exclude, model, ready)
        _with_own_weights(ready)
        with quiet():
            quantized = nncf.quantize(
                copy_of(ready), nncf.Dataset(samples), **self._options(nncf, ready)
            )
        added = count_ops(quantized) - count_ops(ready)
        if not added["QuantizeLinear"]:
            return Outcome(model, False, (_NOTHING,))
        count = context.calibration.counted(len(samples))
        notes = (
            f"Added: {counted(added)}.",
            f"Ranges and biases from {count} calibration samples.",
        )
        return Outcome(quantized, True, notes)

    def _options(self, nncf: Any, model: "onnx.ModelProto") -> dict[str, Any]:
        ops = count_ops(model)
        guessed = ops["Softmax"] > 0 and not ops["Conv"]
        transformer = self.kind is Kind.TRANSFORMER or (self.kind is Kind.AUTO and guessed)
        left = self._left(model)
        return {
            "preset": nncf.QuantizationPreset(self.preset.value),
            "model_type": nncf.ModelType.TRANSFORMER if transformer else None,
            "fast_bias_correction": self.fast_bias,
            "subset_size": self.samples,
            "ignored_scope": nncf.IgnoredScope(names=left) if left else None,
        }

    def _left(self, model: "onnx.ModelProto") -> list[str]:
        """Names of the nodes that stay in float."""
        convolutions = count_ops(model)["Conv"] > 0
        products_only = self.sums is Sums.NO or (self.sums is Sums.AUTO and not convolutions)

        def stays(node: "onnx.NodeProto") -> bool:
            aside = products_only and node.op_type not in _PRODUCTS and node.op_type != "Constant"
            return aside or node.name in self.exclude

        return [node.name for node in model.graph.node if stays(node)]


def _with_own_weights(model: "onnx.ModelProto") -> None:
    """Give each node that shares a weight a copy, in place: NNCF rounds it for all readers."""
    weights, read = float_weights(model), set[str]()
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name in weights and name in read:
                copy = model.graph.initializer.add()
                copy.CopyFrom(weights[name])
                copy.name = node.input[place] = f"{name}_of_{node.name}_{place}"
            read.add(name)


def _library() -> Any:
    """NNCF. Raises StepError where it is not installed."""
    try:
        with quiet():
            import nncf
            from nncf.common.logging import nncf_logger
    except ImportError:
        raise StepError(
            "NNCF, which this pass is made of, is not installed here.",
            f"Install it: pip install {' '.join(NncfInt8.requirements)}",
        ) from None
    nncf_logger.disabled = True
    return nncf
