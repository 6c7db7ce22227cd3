"""Shape arithmetic computed ahead, by ONNX's shape inference and onnxscript's optimizer."""

from typing import TYPE_CHECKING, ClassVar

from optim.passes.base import Stage
from optim.passes.support.folding import COMPUTED, STORED, folded
from optim.passes.support.steps import Counts, GraphStep, applied

if TYPE_CHECKING:
    import onnx_ir as ir

_FROM_SHAPES = "nodes computed ahead from shapes"


class FreezeShapes(GraphStep):
    """Make the shapes that follow from the inputs' part of the model."""

    name: ClassVar[str] = "freeze_shapes"
    title: ClassVar[str] = "Fix the shapes inside (shape freezing)"
    summary: ClassVar[str] = (
        "The sizes of a model's inputs are fixed when it is brought. What the graph computes from "
        "them at every run (Shape, Gather, Concat, the targets of Reshape) becomes constants."
    )
    helps: ClassVar[str] = (
        "Models exported with open sizes: dozens of tiny nodes vanish, fusions find their "
        "patterns, and engines plan their memory ahead."
    )
    hurts: ClassVar[str] = (
        "The model then answers for these sizes only. Nothing is gained where the exporter knew "
        "the sizes already."
    )
    stage: ClassVar[Stage] = Stage.SHAPES
    min_opset: ClassVar[int] = 13  # of the operators that its library writes sequences with
    alongside: ClassVar[frozenset[str]] = frozenset({COMPUTED, STORED})
    nothing: ClassVar[str] = "The shapes inside are constants already, or depend on the data."

    def rewrite(self, model: "ir.Model") -> Counts:
        """Infer shapes, fold what follows from them, make the targets of Reshape constants."""
        from onnxscript.rewriter.rules.common import materialize_reshape_shape_rule

        constant = folded(model, shapes=False)  # what `fold_constants` does by itself
        known = folded(model, shapes=True)
        reshaped = applied(model, {"targets of Reshape": [materialize_reshape_shape_rule]})
        return {_FROM_SHAPES: known[COMPUTED], **reshaped, **constant}
