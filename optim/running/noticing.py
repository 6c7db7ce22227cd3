"""What is noticed of a trial beside its figures, when it is built and when it has answered."""

from collections.abc import Callable, Iterable

from optim.evalset import EvalSet
from optim.findings import Caution
from optim.graph import analysis_of
from optim.judging.engine_fault import engine_fault
from optim.judging.growth import growth
from optim.judging.quality import Quality
from optim.judging.saturation import lost, saturation
from optim.model import Model
from optim.recipe import Recipe
from optim.timing.cautions import by_content


def on_build(
    original: Model, optimized: Model, recipe: Recipe, evalset: EvalSet
) -> tuple[Caution, ...]:
    """Of the model that a recipe made."""
    found = (
        by_content(evalset.synthetic, analysis_of(original).op_histogram),
        growth(original.size_bytes, optimized.size_bytes, recipe),
    )
    return tuple(one for one in found if one)


def on_answers(
    optimized: Model,
    original: Model,
    recipe: Recipe,
    evalset: EvalSet,
    quality: Quality,
    cancelled: Callable[[], bool],
) -> tuple[Caution, ...]:
    """Of its answers on this machine: why they are far off, where that can be told."""
    found = (
        engine_fault(optimized, original, recipe, evalset, quality, cancelled),
        saturation(optimized, recipe, cancelled=cancelled) if lost(quality) else None,
    )
    return tuple(one for one in found if one)


def together(kept: Iterable[Caution], new: Iterable[Caution]) -> tuple[Caution, ...]:
    """Cautions once for each kind, the newer ones."""
    return tuple({one.code: one for one in (*kept, *new)}.values())
