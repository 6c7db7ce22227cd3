"""Static 8-bit quantization whose weights are rounded by training: AIMET's AdaRound.

Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization", 2020; done by AIMET
(https://github.com/quic/aimet), which needs no GPU.
"""

import itertools
import os
import random
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from optim.arrays import Feeds
from optim.errors import InputError, StepError, first_line
from optim.model.opset import restore_interface
from optim.part import Precision
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.static_int8 import StaticInt8
from optim.passes.support.tools import (
    count_ops,
    counted,
    quiet,
    refuse_over_2_gb,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx

_GIVES_FLOATS = ("MatMul", "Gemm")
_SECONDS_A_STEP = 4.0  # of all layers together: more than was ever seen


class AdaRoundInt8(Pass):
    """Quantize, and train which weights are rounded up and which down."""

    name: ClassVar[str] = "adaround_int8"
    title: ClassVar[str] = "8-bit, rounding trained layer by layer (AdaRound)"
    summary: ClassVar[str] = (
        "Quantizes weights and activations to 8 bits with Qualcomm's AIMET. Layer by layer it "
        "trains which weights are rounded up and which down, so that the layer answers as it did; "
        "if asked it first searches each weight's range (sequential MSE)."
    )
    helps: ClassVar[str] = (
        "Networks that lose by rounding to nearest, and are to be neither trained as a whole nor "
        "labelled: calibration inputs suffice. The result runs like one of static_int8, whose "
        "activations are unsigned too."
    )
    hurts: ClassVar[str] = (
        "It takes minutes where static_int8 takes seconds. In 8 bits rounding is seldom what costs "
        "quality: ranges of activations are, and those it takes as they come. It is a large "
        "package that has to be installed first."
    )
    stage: ClassVar[Stage] = Stage.PRECISION
    packages: ClassVar[tuple[str, ...]] = ("aimet_onnx",)
    requirements: ClassVar[tuple[str, ...]] = (
        *("aimet-onnx==2.42.0", "bokeh==3.9.2", "scikit-learn==1.9.1"),
        *("joblib==1.6.0", "threadpoolctl==3.8.0"),
    )
    """What AIMET imports beyond the program's own packages."""
    requirements_mb: ClassVar[float] = 400
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    min_opset: ClassVar[int] = 13
    tolerance: ClassVar[float] = 0.95

    steps: int = Field(
        default=500,
        ge=0,
        le=20_000,
        description="Steps of training for each layer; its makers use 10,000. 0: rounded to "
        "nearest.",
    )
    sequential_mse: bool = Field(
        default=False,
        description="First search the range of each weight with which its layer errs least.",
    )
    samples: int = Field(
        default=64, ge=1, le=10_000, description="Calibration samples to use, at most."
    )
    seed: int = Field(default=0, ge=0, le=1_000_000, description="Seed of all that is drawn.")
    exclude: tuple[str, ...] = Field(default=(), description="Names of nodes left in float.")

    @property
    def lowers_to(self) -> Precision:
        """Integers of 8 bits."""
        return "int8"

    @property
    def most_seconds(self) -> float:
        """By the steps; how many layers there are it cannot know."""
        return _SECONDS_A_STEP * self.steps

    def cheaply(self) -> Self:
        """Rounded to nearest: as fast."""
        return self.model_copy(update={"steps": 0, "sequential_mse": False, "samples": 1})

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Let AIMET do it on a clean copy, and take its answer as QDQ."""
        refuse_over_2_gb(model)
        refuse_quantized(model)
        library = _library()
        feeds = [*itertools.islice(context.calibration, self.samples)]
        if not feeds:
            raise InputError("There are no calibration inputs.", "Bring an EvalSet with some.")
        ready = self.form(model)
        refuse_unknown_nodes(self.exclude, model, ready)
        context.say(f"training how weights are rounded, {self.steps:,} steps for each layer")
        try:
            with quiet():
                result = self._quantized(library, ready, feeds)
        except Exception as error:  # the library's exceptions share no base class of their own
            raise StepError(
                f"AIMET cannot quantize this model: {first_line(error)}.",
                "Leave this pass out, or use static_int8.",
            ) from None
        restore_interface(result, model)
        added = count_ops(result) - count_ops(ready)
        if not added["DequantizeLinear"]:
            return Outcome(model, False, ("AIMET found no node to quantize.",))
        return Outcome(
            result,
            True,
            (f"Added: {counted(added)}.", *self._notes(context.calibration.counted(len(feeds)))),
        )

    def _quantized(
        self, aimet: Any, model: "onnx.ModelProto", feeds: list[Feeds]
    ) -> "onnx.ModelProto":
        import torch

        random.seed(self.seed), np.random.seed(self.seed), torch.manual_seed(self.seed)  # noqa: NPY002
        kept = self._rounded(model)
        sim = aimet.QuantizationSimModel(
            model, param_type="int8", activation_type="int8", dummy_input=feeds[0]
        )
        for name, quantizer in sim.qc_quantize_op_dict.items():
            quantizer.enabled = quantizer.enabled and name in kept
        if self.sequential_mse:
            aimet.apply_seq_mse(sim, feeds)
        if self.steps:
            aimet.apply_adaround(sim, feeds, self.steps)
        sim.compute_encodings(feeds)
        found: onnx.ModelProto = sim.to_onnx_qdq(prequantize_constants=True)
        return found

    def form(self, model: "onnx.ModelProto") -> "onnx.ModelProto":
        """The model as it is quantized: as static_int8 does it."""
        return self._like.form(model)

    def chosen(self, form: "onnx.ModelProto") -> list[str]:
        """Those of its nodes that are quantized: the same as of static_int8.

        AIMET by itself rounds all values, raw amounts of money among them.
        """
        return self._like.chosen(form)

    @property
    def _like(self) -> StaticInt8:
        return StaticInt8(exclude=self.exclude)

    def _rounded(self, form: "onnx.ModelProto") -> set[str]:
        """The values that are rounded: what quantized nodes read, and what they give on."""
        names, found = {*self.chosen(form)}, set[str]()
        for node in form.graph.node:
            if node.name in names:
                found |= {*node.input, *(() if node.op_type in _GIVES_FLOATS else node.output)}
        return found

    def _notes(self, samples: int) -> tuple[str, ...]:
        notes = [f"Ranges of activations from {samples} calibration samples."]
        if self.sequential_mse:
            notes.append("Ranges of weights are those with which their layers err least.")
        if self.steps:
            notes.append(f"How weights are rounded was trained: {self.steps:,} steps a layer.")
        return tuple(notes)


def _library() -> Any:
    """AIMET. Raises StepError where it is not installed."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads leave cores to others
    try:
        with quiet():
            import aimet_onnx
    except ImportError:
        raise StepError(
            "AIMET, which this pass is made of, is not installed here.",
            f"Install it: pip install {' '.join(AdaRoundInt8.requirements)}",
        ) from None
    return aimet_onnx
