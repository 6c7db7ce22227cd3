"""Estimates that need no machine: of a model that was built and judged before, told at once."""

from collections.abc import Iterable

from optim.errors import StepError
from optim.graph import analysis_of
from optim.model import load_model
from optim.studies.study import Study
from optim.studies.trial import Progress, Trial
from optim.targets import LOCAL, all_targets
from optim.targets.estimate import estimate


def told_at_once(study: Study, trial: Trial) -> bool:
    """End a trial on a modelled target where another has its model and its quality.

    Returns whether it could. A recipe whose model is still to be built takes its turn in the queue:
    building is work.
    """
    if trial.target == LOCAL:
        return False
    same = _same(trial, study.trials())
    if same is None:
        return False
    guess = estimate(
        analysis_of(load_model(same.model_digest)), all_targets()[trial.target], trial.recipe
    )
    if guess.refused:
        error = StepError(guess.refused, "Choose another target or recipe.", "estimate")
        return study.fail(trial.number, str(error))
    kept = {name: getattr(same, name) for name in ("model_digest", "size_bytes", "reports")}
    judged = {"quality": same.quality, "judged": same.judged}
    study.save(trial.number, Progress(estimate=guess, **kept, **judged))
    return study.finish(trial.number)


def _same(trial: Trial, trials: Iterable[Trial]) -> Trial | None:
    """Another trial of the same recipe that is built and judged, the one on most samples."""
    digest = trial.recipe_digest
    found = [t for t in trials if t.recipe_digest == digest and t.model_digest and t.quality]
    return max(found, key=lambda t: t.quality.n if t.quality else 0, default=None)
