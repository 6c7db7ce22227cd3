"""Preparation of the inputs made part of the first layer's weights."""

from typing import TYPE_CHECKING, ClassVar

from optim.model.compare import changed
from optim.model.proto import copy_of
from optim.part import Group
from optim.passes.base import Context, Outcome, Pass, Stage
from optim.passes.support.affine import fold_affine
from optim.passes.support.tools import refuse_over_2_gb

if TYPE_CHECKING:
    import onnx


class FoldPreprocessing(Pass):
    """Make the scaling of inputs part of the weights that first multiply them."""

    name: ClassVar[str] = "fold_preprocessing"
    title: ClassVar[str] = "Scaling of inputs into weights (preprocessing fused)"
    summary: ClassVar[str] = (
        "Where the graph itself subtracts a mean from its inputs and divides by a deviation, "
        "or scales bytes to 0 to 1, that goes into the weights of the layer behind it."
    )
    helps: ClassVar[str] = (
        "Models that were exported with their preparation of images or measurements: passes over "
        "whole inputs are saved, which counts in small networks."
    )
    hurts: ClassVar[str] = (
        "Does nothing for what a program does before it calls the model. A mean is not folded into "
        "a padded convolution, whose border would no longer be zero."
    )
    group: ClassVar[Group] = Group.STEPS
    stage: ClassVar[Stage] = Stage.PREPROCESSING
    tolerance: ClassVar[float] = 0.9999

    def run(self, model: "onnx.ModelProto", context: Context) -> Outcome:
        """Fold every such step that is followed by one layer."""
        refuse_over_2_gb(model)
        after = copy_of(model)
        said = fold_affine(after)
        if not said or not changed(model, after):
            why = "No input is scaled by constants right before one layer with constant weights."
            return Outcome(model, False, (why,))
        return Outcome(after, True, tuple(said))
