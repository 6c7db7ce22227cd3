"""An interrupted trial is gone on with: what is known of it stands."""

import pytest
from support.study_tools import brought, study

from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.studies.study import Study
from optim.studies.trial import Progress, Trial
from optim.targets import LOCAL

__all__ = ["brought", "study"]  # fixtures


@pytest.fixture
def stopped(study: Study) -> Trial:
    """A trial with a point whose program ended."""
    with Queue.open() as queue:
        (known,) = queue.run_all(study, [study.add(Recipe.baseline())])
    study.delete(known.number)
    return study.trial(_interrupted(study, known.progress))


def _interrupted(study: Study, known: Progress) -> int:
    given = {"state": "interrupted", "error": "It was stopped.", "origin": "user", "created": ""}
    return study.adopt(Recipe.baseline(), LOCAL, known, **given)  # type: ignore[arg-type]


def test_what_is_known_of_an_interrupted_trial_stands(study: Study, stopped: Trial) -> None:
    number = study.retry(stopped.number)
    assert number != stopped.number and study.trial(number).progress == stopped.progress
    states: list[str] = []
    with Queue.open() as queue:
        (ended,) = queue.run_all(study, [number], lambda trial: states.append(trial.state))
    assert set(states) <= {"tightening", "done"}, "it has its point from the start"
    assert ended.state == "done"
    assert ended.slices[: len(stopped.slices)] == stopped.slices, "and more beside them"
    assert [trial.number for trial in study.trials()] == [number]


def test_what_was_timed_elsewhere_or_by_another_library_is_timed_anew(
    study: Study, stopped: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("machine_id", "openvino"):
        monkeypatch.setattr("optim.studies.resuming.environment", lambda key=key: {key: "another"})
        assert study.trial(study.retry(stopped.number)).progress == Progress()
        study.delete(study.trials()[-1].number)


def test_what_failed_begins_anew(study: Study, stopped: Trial) -> None:
    given = {"state": "failed", "error": "It broke.", "origin": "user", "created": ""}
    study.delete(stopped.number)
    number = study.adopt(Recipe.baseline(), LOCAL, stopped.progress, **given)  # type: ignore[arg-type]
    assert study.trial(study.retry(number)).progress == Progress()
