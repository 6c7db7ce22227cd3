"""Whether it is the engine that loses a model's answers: the same model on another engine tells."""

from collections.abc import Callable

from optim.errors import InputError, StepError
from optim.evalset import EvalSet
from optim.findings import Caution
from optim.judging.quality import QUICK, Quality, quality_of
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import BASELINE_RUNTIME

ENGINE_FAULT = "engine_fault"


def engine_fault(
    built: Model,
    original: Model,
    recipe: Recipe,
    evalset: EvalSet,
    quality: Quality,
    cancelled: Callable[[], bool] = lambda: False,
) -> Caution | None:
    """A caution where outputs are far off that ONNX Runtime computes rightly of the same model.

    Raises Cancelled.
    """
    if quality.sound or recipe.runtime.name == BASELINE_RUNTIME:
        return None
    try:
        there = quality_of(built, original, Recipe.baseline(), evalset, QUICK, cancelled=cancelled)
    except (InputError, StepError):
        return None  # it does not run there, which tells nothing
    if not there.sound:
        return None
    title = recipe.runtime.title
    text = (
        f"The same model keeps its answers on ONNX Runtime ({there.verdict.rstrip('.')}), so it is "
        f"{title} that loses them, not the passes. Use the passes with onnxruntime, or leave them "
        f"out for {title}."
    )
    return Caution(code=ENGINE_FAULT, text=text, severity="error")
