"""Where a trial's quality went, in one place: the first tensor whose error jumps, and a remedy."""

from pydantic import BaseModel, ConfigDict

from optim.evalset import EvalSet
from optim.findings import Interval
from optim.judging.quality import Quality
from optim.metrics.base import find_metric
from optim.model import Model, load_model
from optim.studies.trial import Trial
from optim.why.layers import first_jump, layers
from optim.why.leaving_out import leaving_out, rounded_by

_MATTERS = 0.005  # of a share, or of the error


class Jump(BaseModel):
    """The node at which the error jumps; its SQNR in dB; the recipe that leaves it in float."""

    model_config = ConfigDict(frozen=True)

    node: str
    op: str
    sqnr_db: float
    recipe: str = ""


def lost(quality: Quality | None) -> bool:
    """Whether a loss worth a word is shown, or the answers are unlike the original's."""
    if quality is None:
        return False
    low, high = quality.difference_ci
    difference = Interval(value=quality.difference, low=low, high=high)
    loss = find_metric(quality.metric).loss(difference, quality.baseline_value)
    return not quality.sound or (loss.low > 0 and loss.value > _MATTERS)


def jump_of(original: Model, evalset: EvalSet, trial: Trial) -> Jump | None:
    """Where the error jumps first; None where it grows step by step.

    Raises: StepError where an engine refuses a graph with its tensors read out.
    """
    found = layers(original, load_model(trial.model_digest), trial.recipe.runtime, evalset)
    error = first_jump(found.errors)
    if error is None or error.sqnr_db is None:
        return None
    mended = leaving_out(trial.recipe, error.tensor, rounded_by(original, trial.recipe, evalset))
    recipe = mended.spelling if mended else ""
    return Jump(node=error.node, op=error.op, sqnr_db=error.sqnr_db, recipe=recipe)
