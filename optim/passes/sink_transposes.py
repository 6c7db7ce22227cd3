"""Transposes moved and cancelled by ONNX Runtime's transpose optimizer."""

from typing import TYPE_CHECKING, ClassVar

from optim.model.compare import changed
from optim.part import Group
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.by_runtime import optimized_by
from optim.passes.support.steps import difference, keep_names
from optim.passes.support.tools import count_ops, refuse_over_2_gb

if TYPE_CHECKING:
    import onnx


class SinkTransposes(Pass):
    """Move transposes through the graph to where two of them cancel."""

    name: ClassVar[str] = "sink_transposes"
    title: ClassVar[str] = "Cancel changes of layout (transpose sinking)"
    summary: ClassVar[str] = (
        "Moves each Transpose along the graph, past the nodes that do not mind, to where two of "
        "them cancel or where it can be folded into a weight."
    )
    helps: ClassVar[str] = (
        "Networks converted from TensorFlow, whose images have their channels last (NHWC) while "
        "ONNX's convolutions want them first (NCHW): every layer then changes the layout twice."
    )
    hurts: ClassVar[str] = (
        "ONNX Runtime does it while it loads, so that only other engines gain. The transposes of "
        "attention's heads stay."
    )
    group: ClassVar[Group] = Group.STEPS
    stage: ClassVar[Stage] = Stage.TRANSPOSES
    tolerance: ClassVar[float] = 0.9999

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Let ONNX Runtime do it, and keep what came out where there are fewer."""
        refuse_over_2_gb(model)
        before = count_ops(model)["Transpose"]
        if not before:
            return Outcome(model, False, ("The model has no Transpose.",))
        after = optimized_by(model, ["TransposeOptimizer"])
        left = count_ops(after)["Transpose"]
        if left >= before or not changed(model, after):
            return Outcome(model, False, (f"None of {before} Transpose nodes meets another.",))
        keep_names(after, model)
        return Outcome(
            after, True, (f"Transposes cancelled: {before - left}.", difference(model, after))
        )
