import json
import os
import shutil
import sqlite3
import threading
import warnings
from pathlib import Path
from urllib.request import urlopen
from wsgiref.simple_server import make_server

import optuna
import optuna_dashboard
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution
from support.paths import STORE_FIXTURES
from support.study_tools import brought, python, study, use_home

from optim.errors import InputError
from optim.evalset import EvalSet
from optim.home.files import file_path
from optim.part import Part
from optim.passes.base import Pass, all_passes
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes
from optim.studies.listing import list_studies
from optim.studies.params import parameters
from optim.studies.store import storage, this_process
from optim.studies.study import Study, create_study, open_study
from optim.studies.trial import Progress, summary_of
from optim.timing import stats
from optim.timing.measurement import BASELINE, CANDIDATE, Slice

pytestmark = pytest.mark.slow

__all__ = ["brought", "study"]  # fixtures

RECIPES = ["onnxruntime", "openvino", "onnxruntime:threads=2", "dynamic_int8", "simplify"]


def in_optuna(study: Study) -> optuna.Study:
    return optuna.load_study(study_name=study.name, storage=storage())


def finished(study: Study, spelling: str, latency: float = 1.0, quality: float = 0.5) -> int:
    number = study.add(Recipe.parse(spelling), again=True)
    study.begin(number)
    study.complete(number, [latency, quality])
    return number


def test_a_model_and_its_evalset_have_one_study(study: Study) -> None:
    again = create_study(study.model, study.evalset)
    assert again.name == study.name and again.info == study.info
    assert [info.name for info in list_studies()] == [study.name]
    assert in_optuna(study).directions == [
        optuna.study.StudyDirection.MINIMIZE,
        optuna.study.StudyDirection.MAXIMIZE,
    ]
    assert in_optuna(study).metric_names == ["p50_ms", "top1"]


def test_an_error_metric_is_minimized(study: Study) -> None:
    evalset = EvalSet.model_validate(
        {**study.evalset.model_dump(), "metric": "mae", "digest": "b" * 64}
    )
    other = create_study(study.model, evalset)
    assert set(in_optuna(other).directions) == {optuna.study.StudyDirection.MINIMIZE}


def test_unknown_names_are_refused(study: Study) -> None:
    optuna.create_study(storage=storage(), study_name="of-another-program")
    for name in ("nothing", "of-another-program"):
        with pytest.raises(InputError, match=f"no study named '{name}'"):
            open_study(name)
    with pytest.raises(InputError, match="no target named 'abacus'"):
        study.add(Recipe.baseline(), "abacus")
    with pytest.raises(InputError, match="no readable trial 7"):
        study.trial(7)


def test_the_same_recipe_is_the_same_trial_until_it_fails(study: Study) -> None:
    number = study.add(Recipe.parse("openvino"))
    assert study.add(Recipe.parse("openvino:threads=1")) == number
    assert study.add(Recipe.parse("openvino"), again=True) == number + 1
    study.delete(number + 1)
    study.note(number, "why")
    study.fail(number, "It broke.")
    assert study.trial(number).error == "It broke."
    retried = study.retry(number)
    assert [(t.number, t.state, t.note) for t in study.trials()] == [(retried, "waiting", "why")]


def test_what_is_finished_can_still_be_marked_but_not_changed(study: Study) -> None:
    number = finished(study, "onnxruntime")
    study.pin(number)
    study.note(number, "keep this")
    study.cancel(number)
    assert not study.save(number, Progress(phase="timing"))
    trial = study.trial(number)
    assert (trial.state, trial.pinned, trial.note, trial.phase) == ("done", True, "keep this", "")
    study.delete(number)
    assert study.trials() == [] and study.info.trials == 0


def test_a_latency_that_is_no_number_fails_the_trial(study: Study) -> None:
    number = study.add(Recipe.baseline())
    study.finish(number)
    assert study.trial(number).state == "failed"
    assert "not a number" in study.trial(number).error


def test_lost_samples_are_a_warning(study: Study) -> None:
    number = study.add(Recipe.baseline())
    study.save(number, Progress(slices=("c" * 64,)))
    (warning,) = study.trial(number).warnings
    assert warning.code == "samples_lost" and study.trial(number).summary is None


def test_statistics_are_kept_for_the_next_start(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    arms = {arm: [[100 + i, 101, 99] for i in range(4)] for arm in (CANDIDATE, BASELINE)}
    part = Slice(arms=arms, started_at="", load_average=0)
    slices = Progress().with_slice(part).slices
    found = summary_of(slices)
    summary_of.cache_clear()
    monkeypatch.setattr(stats, "summarize", lambda _: pytest.fail("derived again"))
    assert summary_of(slices) == found
    summary_of.cache_clear()
    file_path(slices[0], ".slice.gz").unlink()
    with pytest.raises(OSError):
        summary_of(slices)


def test_times_of_a_busier_moment_are_told_beside_the_originals_own(study: Study) -> None:
    def timed(spelling: str, own: int, original: int) -> int:
        number = study.add(Recipe.parse(spelling))
        arms = {CANDIDATE: [[own] * 9] * 4, BASELINE: [[original] * 9] * 4}
        study.begin(number)
        study.save(number, Progress().with_slice(Slice(arms=arms, started_at="", load_average=0)))
        return number

    busier = timed("openvino", 3_000_000, 6_000_000)
    assert study.trial(busier).latency_ms == pytest.approx(3)  # nothing to hold it against
    alone = timed("onnxruntime", 4_000_000, 4_000_000)
    told = {trial.number: trial for trial in study.trials()}
    assert told[alone].latency_ms == pytest.approx(4) and told[busier].latency_ms == pytest.approx(
        2
    )
    assert "other_moment" in {caution.code for caution in told[busier].warnings}
    assert study.trial(busier) == told[busier]


def test_a_spelling_that_has_come_to_mean_something_else_is_not_believed(study: Study) -> None:
    number = study.add(Recipe.parse("openvino"))
    frozen = in_optuna(study).trials[number]
    asked = {**frozen.user_attrs["asked"], "recipe": "onnxruntime"}
    storage().set_trial_user_attr(frozen._trial_id, "asked", asked)
    assert study.trial(number).recipe == Recipe.parse("openvino")


def test_a_trial_of_a_part_that_is_no_more_is_left_out(study: Study) -> None:
    kept, other = finished(study, "onnxruntime"), study.add(Recipe.parse("openvino"))
    frozen = in_optuna(study).trials[other]
    asked = json.loads(json.dumps(frozen.user_attrs["asked"]).replace("openvino", "oldvino"))
    storage().set_trial_user_attr(frozen._trial_id, "asked", asked)
    assert [trial.number for trial in study.trials()] == [kept]


@pytest.mark.parametrize("part", {**all_passes(), **all_runtimes()}.values())
def test_every_part_can_be_recorded(part: type[Part]) -> None:
    runtime = [] if not issubclass(part, Pass) else [all_runtimes()["onnxruntime"]()]
    values, distributions = parameters(Recipe.of([part(), *runtime]), "local", {})
    assert values.keys() == distributions.keys() >= {"runtime", "target", *all_passes()}
    for name, distribution in distributions.items():
        assert distribution._contains(distribution.to_internal_repr(values[name])), name


def test_choices_added_by_a_later_version_do_not_break_a_study() -> None:
    old = {"runtime": CategoricalDistribution(("onnxruntime",))}
    values, distributions = parameters(Recipe.parse("onnxruntime"), "local", old)
    assert values["runtime"] == "onnxruntime" and distributions["runtime"] == old["runtime"]
    values, distributions = parameters(Recipe.parse("openvino"), "local", old)
    assert values["runtime_2"] == "openvino" and "runtime" not in values
    assert parameters(Recipe.parse("openvino"), "local", old | distributions)[0] == values


@pytest.mark.deep
def test_importances_work(study: Study) -> None:
    for i in range(12):
        engine = "openvino" if i % 2 else "onnxruntime"
        finished(study, f"{'simplify + ' if i % 3 else ''}{engine}", latency=1.0 + 5 * (i % 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(
            in_optuna(study), target=lambda trial: trial.values[0], params=["runtime", "simplify"]
        )
    assert found["runtime"] > 0.9


@pytest.fixture
def statements(study: Study) -> list[str]:
    """What the database has been asked."""
    asked: list[str] = []
    engine = storage()._backend.engine  # type: ignore[attr-defined]
    sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    return asked


@pytest.mark.deep
def test_reading_costs_the_same_whatever_the_number_of_trials(
    study: Study, statements: list[str]
) -> None:
    def cost() -> int:
        study.trials()
        study.note(0, str(len(statements)))
        statements.clear()
        assert open_study(study.name).trials()
        return len(statements)

    finished(study, "onnxruntime")
    one = cost()
    for i in range(24):
        finished(study, RECIPES[i % len(RECIPES)])
    assert cost() == one <= 8
    assert len(study.trials()) == 25


def test_what_has_not_changed_is_not_read_again(study: Study, statements: list[str]) -> None:
    (number,) = study.add_all([Recipe.baseline()])
    before = study.trials()
    statements.clear()
    again = study.trials(), study.trials_of([number]), study.trial(number)
    assert again == (before, before, before[0]) and not statements
    other = f"from optim.studies.study import open_study; open_study({study.name!r}).note(0, 'new')"
    assert python(other).wait(60) == 0
    assert study.trial(number).note == "new", "another process has changed it"


def test_queueing_many_costs_a_few_statements_each(study: Study, statements: list[str]) -> None:
    def cost(of: list[Recipe]) -> int:
        statements.clear()
        study.claim(study.add_all(of))
        return len(statements)

    recipes = [Recipe.parse(f"magnitude_prune:sparsity=0.{100 + i}") for i in range(60)]
    few, many = cost(recipes[:10]), cost(recipes[10:])
    assert few / 10 <= 18 and many / 50 <= few / 10, "no more each, however many there are"
    assert len({trial.recipe_digest for trial in study.trials()}) == 60
    assert study.add_all([*recipes[:2], recipes[0]]) == [0, 1, 0], "the same is one trial"


def test_optunas_parameters_are_there_once_a_trial_has_begun(study: Study) -> None:
    waiting, begun, done = study.add_all(map(Recipe.parse, RECIPES[:3]))
    study.begin(begun)
    study.complete(done, [1.0, 0.5])
    kept = in_optuna(study).trials
    assert kept[waiting].params == {}
    assert kept[begun].params["runtime"] == "openvino" and kept[begun].params["simplify"] is False
    assert kept[done].params["onnxruntime.threads"] == 2


ADD_MANY = """
from optim.recipe import Recipe
from optim.studies.study import open_study
study = open_study({name!r})
for i in range(12):
    number = study.add(Recipe.parse("openvino"), again=True)
    study.begin(number)
    study.note(number, str(i))
    study.complete(number, [1.0 + i, 0.5])
"""


@pytest.mark.deep
def test_two_processes_share_one_sqlite_file(study: Study) -> None:
    with sqlite3.connect(Path(os.environ["OPTIM_HOME"], "studies.db")) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other = python(ADD_MANY.format(name=study.name))
    for _ in range(12):
        study.note(finished(study, "onnxruntime"), "ours")
    assert other.wait(60) == 0
    trials = study.trials()
    assert [trial.number for trial in trials] == list(range(24))
    assert {trial.state for trial in trials} == {"done"}
    notes = sorted(trial.note for trial in trials if trial.note != "ours")
    assert notes == sorted(map(str, range(12)))


def test_owners_are_known_to_be_alive_by_their_lock(study: Study) -> None:
    asked = "print(t().model_dump_json(), flush=True)"
    code = f"from optim.studies.store import this_process as t; {asked}"
    other = python(f"import time; {code}; time.sleep(600)")
    assert other.stdout
    owner = type(this_process()).model_validate_json(other.stdout.readline())
    assert owner.alive and this_process().alive and owner != this_process()
    other.kill()
    other.wait()
    assert not owner.alive
    assert owner.model_copy(update={"host": "elsewhere", "id": "unheard-of"}).alive


def test_a_store_that_cannot_be_opened_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "studies.db").write_text("this is no database, whatever its name says " * 50)
    use_home(tmp_path, monkeypatch)
    with pytest.raises(InputError, match="cannot be opened"):
        storage()
    use_home(tmp_path, monkeypatch, STORE="postgresql://me:secret@127.0.0.1:9/none")
    with pytest.raises(InputError, match="cannot be opened") as caught:
        storage()
    assert "secret" not in str(caught.value)


@pytest.mark.deep
def test_optuna_dashboard_opens_the_store(study: Study) -> None:
    finished(study, "onnxruntime")
    with make_server("127.0.0.1", 0, optuna_dashboard.wsgi(storage())) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{server.server_port}/api/studies"
        listed = json.loads(urlopen(at).read())["study_summaries"]
        (ours,) = [item for item in listed if item["study_name"] == study.name]
        detail = json.loads(urlopen(f"{at}/{ours['study_id']}").read())
        server.shutdown()
    assert ours["directions"] == ["minimize", "maximize"]
    assert [trial["state"] for trial in detail["trials"]] == ["Complete"]
    assert detail["trials"][0]["values"] == [1.0, 0.5]


@pytest.mark.parametrize("archive", sorted(STORE_FIXTURES.glob("*.zip")), ids=lambda p: p.stem)
def test_stores_of_earlier_versions_open(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.unpack_archive(archive, tmp_path)
    use_home(tmp_path, monkeypatch)
    (info,) = list_studies()
    kept = open_study(info.name)
    baseline, optimized, waiting = kept.trials()
    assert (baseline.state, optimized.state, waiting.state) == ("done", "done", "interrupted")
    assert baseline.recipe == Recipe.baseline() and baseline.size_bytes
    as_it_was = "simplify:max_folded_kb=1048576 + openvino"  # what was the default then
    assert optimized.recipe == Recipe.parse(as_it_was)
    assert optimized.pinned and optimized.note == f"kept by version {archive.stem}"
    for trial in (baseline, optimized):
        assert trial.summary and trial.summary.speedup.low <= trial.summary.speedup.high
        assert trial.quality and trial.quality.n == kept.evalset.validation_count
        assert len(kept.measurement(trial.number).slices) == len(trial.slices)
    assert kept.model.path.exists()


def test_there_is_a_store_of_an_earlier_version() -> None:
    assert list(STORE_FIXTURES.glob("*.zip"))
