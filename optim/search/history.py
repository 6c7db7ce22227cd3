"""What earlier studies on this machine showed, for what to expect of a new model."""

from collections.abc import Iterator
from itertools import islice

from optim.errors import OptimError
from optim.graph import analysis_of
from optim.machine.environment import machine_id
from optim.search.predict import Expectation, Known, mix_of
from optim.studies.listing import list_studies
from optim.studies.study import Study, open_study
from optim.studies.trial import Trial, measurement_of

_STUDIES, _TRIALS = 8, 60  # at most, the newest


def earlier(study: Study) -> list[Known]:
    """Gains that were measured on this machine in studies other than this one."""
    others = [info.name for info in list_studies() if info.name != study.name][:_STUDIES]
    return list(islice((one for name in others for one in _of(name)), _TRIALS))


def _of(name: str) -> Iterator[Known]:
    try:
        study = open_study(name)
        trials = [trial for trial in study.trials() if _counts(trial)]
        mix = tuple(sorted(mix_of(analysis_of(study.model)).items())) if trials else ()
    except (OptimError, OSError):  # its model's files may be gone; nothing is lost without it
        return
    for trial in trials:
        assert trial.summary
        known = Expectation.of(trial.summary.gain)
        yield Known(trial.recipe, mix, known.mean, known.spread, here=False)


def _counts(trial: Trial) -> bool:
    """Whether it was timed on this machine."""
    if trial.state != "done" or trial.summary is None or trial.recipe.is_baseline:
        return False
    return measurement_of(trial.slices[:1]).slices[0].machine == machine_id()
