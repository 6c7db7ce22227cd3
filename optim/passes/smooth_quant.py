"""SmoothQuant: outliers of activations moved into weights (Xiao et al. 2023, arXiv:2211.10438)."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from optim.model.compare import changed
from optim.model.proto import copy_of
from optim.part import Circumstances, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.smoothing import channels_largest, groups_to_smooth, smooth
from optim.passes.support.tools import (
    MIN_SLIM_OPSET,
    listed,
    prepared,
    refuse_quantized,
    refuse_unknown_nodes,
)

if TYPE_CHECKING:
    import onnx


class SmoothQuant(Pass):
    """Make activations easier to quantize, at the cost of weights, with the same answers."""

    name: ClassVar[str] = "smooth_quant"
    title: ClassVar[str] = "Outliers from activations into weights (SmoothQuant)"
    summary: ClassVar[str] = (
        "A few channels of a transformer's activations are many times larger than the others, "
        "and spoil the one scale that all share in 8 bits. Each channel is divided by a factor, "
        "and the weights that read it are multiplied by it. In float the answers stay the same."
    )
    helps: ClassVar[str] = (
        "Before 8-bit quantization with measured or running ranges, on transformers whose layer "
        "normalization has outliers: large language models, BERT."
    )
    hurts: ClassVar[str] = (
        "By itself it gains no speed, and an activation that other nodes read too costs a "
        "multiplication. Where activations have no outliers it gains nothing."
    )
    stage: ClassVar[Stage] = Stage.SMOOTH
    overlooks: ClassVar[tuple[str, ...]] = ("Gemm", "MatMul")
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    min_opset: ClassVar[int] = MIN_SLIM_OPSET
    tolerance: ClassVar[float] = 0.9999
    starts: ClassVar[tuple[Start, ...]] = (
        Start(
            "smooth_quant + static_int8 + onnxruntime",
            125,
            lambda here: here.transformer and here.gains("int8", "onnxruntime"),
        ),
    )

    alpha: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="How much of the difficulty goes into weights: 0 evens out the weights, 1 "
        "the activations, 0.5 shares it.",
    )
    exclude: tuple[str, ...] = Field(
        default=(), description="Names of nodes whose inputs are left as they are."
    )

    def takes(self, here: Circumstances) -> bool:
        """Whether there are matrix products to even out the inputs of."""
        return super().takes(here) and here.has_matmul

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Smooth every activation that only matrix products with constant weights read."""
        refuse_quantized(model)
        ready = prepared(model, keep=self.exclude)
        refuse_unknown_nodes(self.exclude, model, ready)
        after = copy_of(ready)
        groups = groups_to_smooth(after, self.exclude)
        if not groups:
            why = "The model has no matrix product with a constant weight of its own."
            return Outcome(model, False, (why,))
        largest = channels_largest(after, groups, [*context.calibration])
        said = [smooth(after, group, largest[group.value], self.alpha) for group in groups]
        done = [(group, was, now) for group, (was, now) in zip(groups, said, strict=True) if was]
        if not done or not changed(model, after):
            return Outcome(model, False, ("The activations have no outliers to move.",))
        worst = max(done, key=lambda item: item[1])
        return Outcome(
            after,
            True,
            (
                f"{len(done)} activations were evened out, read by "
                f"{sum(len(group.readers) for group, _, _ in done)} matrix products: "
                f"{listed(group.value for group, _, _ in done)}.",
                f"{sum(not group.makers for group, _, _ in done)} of them by a Mul of their own, "
                "since other nodes read them too.",
                f"The largest channel was up to {worst[1]:.3g} times the median one, and is "
                f"{worst[2]:.3g} times it now ({worst[0].value}).",
            ),
        )
