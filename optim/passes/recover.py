"""Recovery: a changed model is trained to answer as its original does, on calibration inputs.

Its original is the teacher, so no labels are needed (`support.distilling`); those of calibration
samples are a second one where an EvalSet gives them (`support.label_loss`). Where a pass to 8 bits
follows, products are rounded while training: quantization-aware training.
"""

import os
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field

from optim.findings import percent
from optim.model.compare import changed
from optim.part import Circumstances, Hazard, Searched, Start
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.sparkline import sparkline
from optim.passes.support.tools import name_nodes, refuse_quantized

if TYPE_CHECKING:
    import onnx

    from optim.passes.support.distilling import Trained
    from optim.passes.support.rounding import Fake8Bit

_OUTPUT_AXIS = {"ConvTranspose": 1, "MatMul": 1}
_LABELS = {
    "classes": "It learned from the labels of calibration samples too: by cross-entropy.",
    "two classes": "It learned from the labels of calibration samples too: by cross-entropy.",
    "numbers": "It learned from the labels of calibration samples too: by their squared error.",
}
_SLACK = 3.0  # a step of training begun within the budget may end this much later, in budgets


class Recover(Pass):
    """Train the changed model against its original."""

    name: ClassVar[str] = "recover"
    title: ClassVar[str] = "Train to answer as the original (recovery by distillation)"
    summary: ClassVar[str] = (
        "Trains a model that an earlier pass has changed, with the original as its teacher, on "
        "calibration inputs and mixtures of them. No labels are needed; where there are some it "
        "learns from them too. Where a pass to 8 bits follows, it trains with their rounding "
        "(quantization-aware training)."
    )
    helps: ClassVar[str] = (
        "After structured pruning, and before 8 bits where those cost quality: most of what was "
        "lost comes back in minutes. The more calibration inputs, the better."
    )
    hurts: ClassVar[str] = (
        "It takes as long as it is given, once, while building. With few calibration inputs, or "
        "made-up ones, the model learns to agree on those and may do worse on others. Loops, "
        "branches and rare operators cannot be trained here."
    )
    stage: ClassVar[Stage] = Stage.RECOVER
    floats_only: ClassVar[bool] = True
    needs_calibration: ClassVar[bool] = True
    needs_original: ClassVar[bool] = True
    tolerance: ClassVar[float] = 0.9
    hazards: ClassVar[tuple[Hazard, ...]] = (
        Hazard(
            "nothing to recover",
            "recover has nothing to do where no pass before it changes the weights and none behind "
            "it rounds them to 8 bits.",
            lambda part, here: (
                bool(here.recipe)
                and not any(
                    getattr(one, "stage", None) == Stage.PRUNE or one.lowers_to == "int8"
                    for one in here.recipe
                )
            ),
        ),
    )
    searched: ClassVar[tuple[Searched, ...]] = (Searched("seconds", (600,)),)
    starts: ClassVar[tuple[Start, ...]] = (
        Start(
            "structured_prune:flops=0.5 + recover + onnxruntime",
            120,
            lambda here: here.has_conv and not here.recurrent,
        ),
    )

    seconds: int = Field(
        default=120, ge=1, le=7200, description="Time to train in, in s; less if it stops gaining."
    )
    steps: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Exactly this many steps instead, however long they take; 0: as many as fit. "
        "The result says how many did, which makes the same model again.",
    )
    rate: float = Field(
        default=0.0005,
        ge=1e-6,
        le=1.0,
        description="Learning rate for a model that lost everything; it falls with the square root "
        "of what was lost.",
    )
    batch: int = Field(default=64, ge=1, le=1024, description="Samples in each step of training.")
    labels: bool = Field(
        default=True,
        description="Learn from the labels of calibration samples too, if any "
        "and the model has one output.",
    )
    seed: int = Field(default=0, ge=0, le=1_000_000, description="Seed of all that is drawn.")

    def takes(self, here: Circumstances) -> bool:
        """Not what has no weights."""
        return super().takes(here) and bool(here.kinds)

    def cheaply(self) -> Self:
        """One step of training: the weights' values make no model faster."""
        return self.model_copy(update={"steps": 1})

    @property
    def most_seconds(self) -> float:
        """With steps given it ends when they are done, so within the longest time at most."""
        longest = type(self).model_fields["seconds"].metadata[1].le
        return float(longest if self.steps else _SLACK * self.seconds)

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Train a copy of the model; the best on held-back calibration samples is kept."""
        refuse_quantized(model)
        lowering = next((one for one in context.following if one.lowers_to == "int8"), None)
        original = context.original
        if original is None or (lowering is None and not changed(original, model)):
            return Outcome(model, False, ("Nothing to recover: the model is the original still.",))
        if not len(context.calibration):
            return Outcome(model, False, ("Nothing to train on: no calibration inputs.",))
        result, trained = self._trained(model, original, lowering, context)
        aware = " with the rounding of 8 bits" if lowering else ""
        said = _told(trained, aware)
        if not changed(model, result):
            return Outcome(
                model, False, ("Training gained nothing, so nothing was changed.", *said)
            )
        return Outcome(result, True, said, self.model_copy(update={"steps": trained.planned}))

    def _trained(
        self,
        model: "onnx.ModelProto",
        original: "onnx.ModelProto",
        lowering: Pass | None,
        context: Context,
    ) -> tuple["onnx.ModelProto", "Trained"]:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads leave cores to others
        import torch

        from optim.model.proto import copy_of
        from optim.passes.support.distilling import Distilling, Plan
        from optim.passes.support.torch_graph import TorchGraph

        named = copy_of(model)
        name_nodes(named)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        student, teacher = TorchGraph(named, device), TorchGraph(original, device)
        student.rounding = _rounding(named, lowering) if lowering else None

        def look(done: float, curve: list[float]) -> None:
            context.say(
                f"training, {percent(done)}, held-back loss {curve[-1]:.3g}, was {curve[0]:.3g}: "
                f"{sparkline(curve)}"
            )

        context.say("training, finding out how many steps fit")
        plan = Plan(self.seconds, self.steps, self.batch, self.rate, self.seed, look)
        alone = self.labels and len(original.graph.output) == 1  # else it is open whose they are
        labels = context.calibration.labels if alone else None
        trained = Distilling(student, teacher, [*context.calibration], plan, labels).run()
        result = student.as_onnx()
        for node, was in zip(result.graph.node, model.graph.node, strict=True):
            node.name = was.name
        return result, trained


def _rounding(model: "onnx.ModelProto", lowering: Pass) -> "Fake8Bit":
    """As the pass that follows will round, nodes that it leaves in float left alone."""
    from optim.passes.support.rounding import Fake8Bit

    bits = 7 if str(getattr(lowering, "reduce_range", "")) == "on" else 8
    axes = {
        node.name: _OUTPUT_AXIS.get(node.op_type, 0)
        if node.op_type != "Gemm"
        else 0
        if any(a.name == "transB" and a.i for a in node.attribute)
        else 1
        for node in model.graph.node
        if node.op_type in ("Conv", "ConvTranspose", "Gemm", "MatMul")
        and node.name not in getattr(lowering, "exclude", ())
    }
    return Fake8Bit(bits, axes)


def _told(trained: "Trained", aware: str) -> tuple[str, ...]:
    curve = ", ".join(f"{loss:.2g}" for loss in trained.curve[:: max(1, len(trained.curve) // 8)])
    return (
        f"Trained {trained.steps:,} steps in {trained.seconds:.0f} s{aware}: the error on "
        f"held-back calibration samples went from {trained.before:.3g} to {trained.after:.3g} "
        "(0: as the original; 1: as one answer for all).",
        f"On the way: {curve} ({sparkline(trained.curve)}).",
        *([_LABELS[trained.labels]] if trained.labels else []),
    )
