"""What is read of a store that has changed: all of it, however little of it is looked at."""

from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from support.study_tools import brought, study

from optim.errors import StoreLost
from optim.recipe import Recipe
from optim.settings import settings
from optim.studies.store import storage
from optim.studies.study import Study
from optim.studies.trial import Progress

__all__ = ["brought", "study"]  # fixtures


def recipes(count: int) -> list[Recipe]:
    spelled = (f"magnitude_prune:sparsity={0.1 + n / 1000:.4f}" for n in range(count))
    return [Recipe.parse(f"{text} + onnxruntime") for text in spelled]


@pytest.fixture
def elsewhere() -> RDBStorage:
    """The store as another process has it open."""
    storage()
    return RDBStorage(settings().store_url)


def test_whatever_changes_is_read(study: Study, elsewhere: RDBStorage) -> None:
    id_of = elsewhere.get_study_id_from_name(study.name)

    def same() -> bool:
        return list(study._store.all()) == elsewhere.get_all_trials(id_of)

    first, second, third, *_ = study.add_all(recipes(6))
    assert same()
    study.save(first, Progress(phase="building"))
    assert same()
    study.begin(second)
    assert same() and study._store.all()[second].params
    study.save(second, Progress(phase="timing"))
    assert same()
    study.complete(second, [1.0, 0.5])
    assert same()
    study.fail(third, "It fell.")
    assert same()
    other = optuna.load_study(study_name=study.name, storage=elsewhere)
    other.add_trial(optuna.trial.create_trial(values=[1.0, 2.0]))
    elsewhere.set_trial_user_attr(other.trials[first]._trial_id, "progress", {"phase": "judging"})
    assert same() and study.trial(first).phase == "judging"


def test_where_one_of_many_has_changed_the_others_are_not_read(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = study.add_all(recipes(60))
    study.trials()
    monkeypatch.setattr(type(storage()), "get_all_trials", lambda *_, **__: pytest.fail("read"))
    study.save(numbers[7], Progress(phase="building"))
    assert study.trial(numbers[7]).phase == "building"
    assert len(study.trials()) == 60


def test_nothing_is_written_to_a_store_that_is_gone(study: Study, home: Path) -> None:
    (number,) = study.add_all(recipes(1))
    away = (home / "studies.db").rename(home / "away.db")
    for attempt in (study.trials, lambda: study.begin(number), lambda: study.add_all(recipes(2))):
        with pytest.raises(StoreLost, match="The store studies.db was deleted or replaced"):
            attempt()
    away.rename(home / "studies.db")
    assert [trial.state for trial in study.trials()] == ["waiting"]
