"""Evidence gathered: what findings look at, of a trial that was measured and profiled."""

from collections.abc import Sequence
from contextlib import suppress
from math import isfinite

from optim import probing
from optim.errors import StepError
from optim.explaining.executed import Side
from optim.machine.environment import cpu_flags, usable_cores
from optim.metrics.base import find_metric
from optim.model import load_model
from optim.part import Circumstances
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.findings import found
from optim.why.jump import Jump, jump_of, lost
from optim.why.observing import Observed, observed

_DOUBTFUL = 0.85  # a share, of the original: below, its inputs may be prepared wrongly


def evidence(
    study: Study, trial: Trial, befores: Sequence[Side], afters: Sequence[Side]
) -> Evidence:
    """Everything that findings look at; runs the original on samples, in a child."""
    return _evidence(study, trial, befores, afters, _observed(study, trial), _jump(study, trial))


def in_profiles(study: Study, trial: Trial, before: Side, after: Side) -> tuple[Finding, ...]:
    """What costs time by the profiles alone, the dearest first: nothing is run for it. No notes."""
    seen = _evidence(study, trial, (before,), (after,), Observed(), None)
    return tuple(one for one in found(seen) if one.concerns == "time" and not one.note)


def _evidence(
    study: Study,
    trial: Trial,
    befores: Sequence[Side],
    afters: Sequence[Side],
    seen: Observed,
    jump: Jump | None,
) -> Evidence:
    known = probing.known()
    return Evidence(
        original=study.model,
        optimized=load_model(trial.model_digest),
        evalset=study.evalset,
        trial=trial,
        befores=befores,
        afters=afters,
        observed=seen,
        jump=jump,
        here=Circumstances(
            befores[0].analysis.op_histogram,
            frozenset(cpu_flags()),
            usable_cores(),
            recipe=trial.recipe.parts,
            known=known,
        ),
        probe=known,
    )


def _jump(study: Study, trial: Trial) -> Jump | None:
    """Where quality was lost; nothing where an engine refuses to have its tensors read out."""
    with suppress(StepError):
        return jump_of(study.model, study.evalset, trial) if lost(trial.quality) else None
    return None


def _observed(study: Study, trial: Trial) -> Observed:
    quality = trial.quality
    labelled = quality is not None and quality.labelled and isfinite(quality.baseline_value)
    metric = find_metric(study.evalset.metric)
    low = quality is not None and quality.baseline_value < _DOUBTFUL
    return observed(
        study.model, study.evalset, doubtful=labelled and (low or not metric.higher_is_better)
    )
