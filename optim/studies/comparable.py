"""Trials of a study side by side: all their times are told against one time of the original."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from optim.studies.trial import Trial, summary_of
from optim.timing.beside import beside
from optim.timing.measurement import Summary


def alone(trials: Iterable[Trial]) -> dict[str, float]:
    """Target -> what a run of the original takes there by itself on one thread, in ms."""
    found: dict[str, float] = {}
    for trial in trials:
        if trial.target in found or trial.summary is None or trial.unsettled:
            continue
        if trial.runs_the_original:
            found[trial.target] = trial.summary.p50_ms.value
    return found


def comparable(trial: Trial, originals: Mapping[str, float]) -> Trial:
    """The trial with its times beside the original's on its target, where that is known.

    The original itself stays as it was timed: against itself it shows noise, which the others'
    ratios hold already.
    """
    original_ms = originals.get(trial.target)
    if original_ms is None or trial.summary is None or trial.runs_the_original:
        return trial
    found = _summary(trial.slices, original_ms)
    more = found.warnings[len(trial.summary.warnings) :]
    return trial.model_copy(update={"summary": found, "warnings": (*trial.warnings, *more)})


@lru_cache(maxsize=8192)
def _summary(slices: tuple[str, ...], original_ms: float) -> Summary:
    return beside(summary_of(slices), original_ms)
