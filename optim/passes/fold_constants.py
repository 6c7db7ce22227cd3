"""Constant folding by onnxscript's optimizer (onnxscript.optimizer.fold_constants)."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from optim.passes.base import Context, Outcome, Stage
from optim.passes.support.folding import folded
from optim.passes.support.steps import Counts, GraphStep
from optim.passes.support.tools import folding_limit, unfolded

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir


class FoldConstants(GraphStep):
    """Compute ahead what depends on stored numbers alone."""

    name: ClassVar[str] = "fold_constants"
    title: ClassVar[str] = "Compute constants ahead (constant folding)"
    summary: ClassVar[str] = (
        "Computes once, while building, what depends on no input, and stores the result in place "
        "of the nodes that made it."
    )
    helps: ClassVar[str] = (
        "Other passes see weights where an exporter wrote a formula for them; the model loads "
        "faster. Engines fold too, so that seldom does a run get faster."
    )
    hurts: ClassVar[str] = (
        "The file grows where a small formula makes a large constant; none is folded that is "
        "larger than the model's weights."
    )
    stage: ClassVar[Stage] = Stage.CONSTANTS
    min_opset: ClassVar[int] = 13  # of the operators that its library writes sequences with
    nothing: ClassVar[str] = "No node depends on constants alone."

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Fold, and say what was too large to be folded."""
        from onnx.shape_inference import infer_shapes

        outcome = super().run(model, context)
        left = unfolded(infer_shapes(outcome.model), folding_limit(model))
        said = outcome.notes if outcome.modified or not left else ()
        return replace(outcome, notes=(*said, *left))

    def rewrite(self, model: "ir.Model") -> Counts:
        """Fold without inferring shapes, which is `freeze_shapes`' work."""
        return folded(model, shapes=False)
