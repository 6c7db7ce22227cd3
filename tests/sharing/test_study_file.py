"""A study goes out as one file and comes in elsewhere as it was, labelled; hostile files do not."""

import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from support import trials as made_up
from support.study_tools import use_home

from optim.errors import OptimError
from optim.recipe import Recipe
from optim.settings import settings as optim_settings
from optim.sharing.study_file import ABOUT, EVALSET, IMPORTED
from optim.sharing.taking_in import take_in
from optim.sharing.unpacking import machine_label, read, unpack
from optim.sharing.writing import told_of, write_study
from optim.showing.verdict import verdict
from optim.studies.choice import front_of
from optim.studies.goal import DEFAULT
from optim.studies.listing import list_studies, rename_study
from optim.studies.picking import picked
from optim.studies.study import Study, open_study
from optim.studies.trial import Progress, Trial, measurement_of
from optim.targets import LOCAL
from optim.timing.measurement import BASELINE, CANDIDATE, Slice

pytestmark = pytest.mark.slow

Change = Callable[[dict[str, bytes]], object]


@pytest.fixture(scope="package")
def sent(explored: Study, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    explored.pin(1)
    explored.note(1, "the one = to <keep>")
    rename_study(explored.name, "For Monday")
    file = tmp_path_factory.mktemp("sent") / "study.zip"
    return write_study(open_study(explored.name), file).read_bytes()


@pytest.fixture
def file(sent: bytes, tmp_path: Path) -> Path:
    (tmp_path / "study.zip").write_bytes(sent)
    return tmp_path / "study.zip"


@pytest.fixture
def elsewhere(file: Path, tmp_path: Path) -> Iterator[Path]:
    """Another home folder, in which nothing is known."""
    with pytest.MonkeyPatch.context() as patch:
        use_home(tmp_path / "elsewhere", patch)
        yield tmp_path / "elsewhere"
    optim_settings.cache_clear()


def known(trial: Trial) -> dict[str, object]:
    """All of a trial that travels."""
    cautions = tuple(one for one in trial.cautions if one.code != IMPORTED)
    return {
        "recipe": trial.recipe,
        "state": trial.state,
        "quality": trial.quality,
        "reports": trial.reports,
        "size": trial.size_bytes,
        "samples": measurement_of(trial.slices),
        "summary": trial.summary,
        "cautions": cautions,
        "marks": (trial.pinned, trial.note, trial.created),
    }


def test_it_comes_in_as_it_went_out(explored: Study, file: Path, elsewhere: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        use_home(elsewhere, patch)
        taken = take_in(file)
        found = taken.study.trials()
        assert (taken.study.info.model_digest, taken.study.info.evalset_digest) == (
            explored.info.model_digest,
            explored.info.evalset_digest,
        )
        came = [known(trial) for trial in found]
        assert taken.study.title == "For Monday"
        assert not taken.joined and taken.said.startswith(f"{len(found)} trials taken in")
        again = take_in(file)
        assert again.known == len(found) and len(taken.study.trials()) == len(found)
        assert again.said.startswith("Nothing new for the study 'For Monday'")
        assert len(list_studies()) == 1
    optim_settings.cache_clear()
    measured = [trial for trial in explored.trials() if trial.target == LOCAL]
    assert came == [known(trial) for trial in measured]
    assert taken.added == len(measured)
    assert [(str(r), t) for r, t in taken.estimates] == [("onnxruntime", "nvidia_t4")]


def test_a_study_that_is_here_already_is_joined_and_that_is_said(
    explored: Study, file: Path, elsewhere: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        use_home(elsewhere, patch)
        taken = take_in(file)
        taken.study.delete(next(t.number for t in taken.study.trials() if not t.is_original))
        own = taken.study.add(Recipe.parse("onnxruntime:threads=2"), LOCAL)
        found = take_in(file)
        assert found.joined and found.added == 1
        assert "They joined the study 'For Monday'" in found.said
        assert own in [trial.number for trial in found.study.trials()]
    optim_settings.cache_clear()


def test_an_export_that_comes_back_brings_nothing_new(explored: Study, file: Path) -> None:
    before = explored.trials()
    taken = take_in(file)
    assert taken.joined and taken.added == 0 and taken.study.name == explored.name
    assert explored.trials() == before


def test_what_was_measured_elsewhere_stays_apart(file: Path, elsewhere: Path) -> None:
    taken = take_in(file)
    found = taken.study.trials()
    (machine,) = taken.machines
    assert {trial.target for trial in found} == {machine} and machine != LOCAL
    assert machine == machine_label(measurement_of(found[0].slices).slices[0].environment)
    assert all(IMPORTED in {one.code for one in trial.warnings} for trial in found)
    assert all(trial.origin == IMPORTED for trial in found)
    assert picked(found) is None  # nothing is known of this machine yet
    told = verdict(found, DEFAULT)
    assert told and told.title.endswith(f" on {machine}")
    assert front_of(found)  # yet it has a front of its own


def test_the_same_study_gives_the_same_file(explored: Study, file: Path, tmp_path: Path) -> None:
    again = write_study(open_study(explored.name), tmp_path / "again.zip")
    assert again.read_bytes() == file.read_bytes()


def entries(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def spoiled(file: Path, change: Change) -> Path:
    held = entries(file)
    change(held)
    path = file.with_name("spoiled.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in held.items():
            archive.writestr(name, data)
    return path


def put(name: str, data: bytes) -> Change:
    return lambda held: held.update({name: data})


def edit(name: str, **values: object) -> Change:
    return lambda held: held.update({name: json.dumps(json.loads(held[name]) | values).encode()})


def samples(**values: object) -> Change:
    """The first trial's samples with some values of their first slice changed."""

    def change(held: dict[str, bytes]) -> None:
        found = json.loads(held["samples/0.json"])
        found["slices"][0].update(values)
        held["samples/0.json"] = json.dumps(found).encode()

    return change


class Harmful:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("run",))


UNKNOWN = {"name": "rm", "version": 1, "settings": {}}
HOSTILE: dict[str, tuple[Change, str]] = {
    "a path out of the folder": (put("../../escaped.json", b"{}"), "no study file does"),
    "an absolute path": (put("/tmp/escaped.json", b"{}"), "no study file does"),
    "a pickle": (put("trials/0.pkl", pickle.dumps(Harmful())), "no study file does"),
    "a pickle called JSON": (put("trials/0.json", pickle.dumps(Harmful())), "not JSON"),
    "a pickle among the samples": (
        put(EVALSET, pickle.dumps(Harmful())),
        "not an .npz file",
    ),
    "a bomb": (put("samples/0.json", b"0" * 300_000_000), "zip bombs"),
    "a large trial": (put("trials/0.json", b'"' + b"x" * 2_000_000 + b'"'), "more than 1 MB"),
    "a key too many": (edit("trials/0.json", slices=["ab" * 32]), "slices"),
    "another format": (edit(ABOUT, format=2), "format"),
    "another model": (edit(ABOUT, model_digest="0" * 64), "another model"),
    "another EvalSet": (edit(ABOUT, evalset_digest="0" * 64), "another EvalSet"),
    "fewer trials than told": (edit(ABOUT, trials=40), "tells of 40"),
    "a recipe of unknown parts": (
        edit(
            "trials/0.json",
            recipe={"passes": [], "runtime": {"name": "rm", "version": 1, "settings": {}}},
        ),
        "no part named",
    ),
    "a recipe that is none": (edit("trials/0.json", recipe={"runtime": 3}), "Not a recipe"),
    "an unknown metric": (lambda held: _metric(held), "no metric"),
    "times that are not positive": (
        samples(arms={CANDIDATE: [[0]], BASELINE: [[1]]}),
        "lacks runs",
    ),
    "no original beside it": (samples(arms={CANDIDATE: [[5]]}), "lacks runs"),
    "arms that do not match": (
        samples(arms={CANDIDATE: [[5], [6]], BASELINE: [[5], [6]], "single_thread": [[4]]}),
        "lacks runs",
    ),
    "a size that is no number": (samples(environment={"model_bytes": "many"}), "no statistics"),
    "an endless machine": (samples(environment={"cpu": "x" * 5000}), "great length"),
    "no model": (lambda held: held.pop("original/model.onnx"), "lacks original/model.onnx"),
    "no study": (lambda held: held.pop(ABOUT), f"lacks {ABOUT}"),
    "deep nesting": (put(ABOUT, b"[" * 100_000), "nested too deeply"),
}


def _metric(held: dict[str, bytes]) -> None:
    told = json.loads(held["trials/0.json"])
    told["quality"]["metric"] = "luck"
    held["trials/0.json"] = json.dumps(told).encode()


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(name: str, file: Path, elsewhere: Path) -> None:
    change, said = HOSTILE[name]
    before = set(file.parent.parent.rglob("escaped*"))
    with pytest.raises(OptimError, match=said) as refusal:
        take_in(spoiled(file, change))
    assert "Traceback" not in str(refusal.value)
    assert list_studies() == []
    assert set(file.parent.parent.rglob("escaped*")) == before


def test_what_is_no_zip_is_refused(file: Path, elsewhere: Path) -> None:
    broken = file.with_name("broken.zip")
    broken.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(OptimError, match="damaged"):
        take_in(broken)


block = strategies.lists(strategies.integers(1_000, 10_000_000), min_size=1, max_size=4)
rounds = strategies.integers(2, 5).flatmap(
    lambda count: strategies.tuples(
        *(strategies.lists(block, min_size=count, max_size=count) for _ in range(2))
    )
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    timed=strategies.lists(rounds, min_size=1, max_size=4),
    note=strategies.text(max_size=40),
    value=strategies.floats(0, 1),
    complete=strategies.booleans(),
    cpu=strategies.text(max_size=30),
)
def test_any_measurement_survives_the_way(
    study: Study, tmp_path: Path, timed: list, note: str, value: float, complete: bool, cpu: str
) -> None:
    """Whatever was measured and noted: written, unpacked as a child does it, and read."""
    progress = Progress(quality=made_up.quality(value).model_copy(update={"complete": complete}))
    for ours, theirs in timed:
        piece = Slice(
            arms={CANDIDATE: ours, BASELINE: theirs},
            started_at="2026-11-23T12:00:00+00:00",
            load_average=0.1,
            environment={"cpu": cpu, "machine_id": "0123456789ab"},
        )
        progress = progress.with_slice(piece)
    asked = {"origin": "user", "created": f"{len(study.trials())}"}
    recipe = Recipe.parse("openvino:threads=2")
    number = study.adopt(recipe, "elsewhere", progress, state="done", **asked)
    study.note(number, note)
    folder = tmp_path / f"{number}"
    folder.mkdir()
    unpack(str(write_study(study, tmp_path / "sent.zip")), str(folder), 10**9)
    (found,) = (one for one in read(folder)[1] if one.told.number == number)
    trial = study.trial(number)
    assert found.recipe == trial.recipe and found.measurement == measurement_of(trial.slices)
    assert found.target == machine_label({"cpu": cpu, "machine_id": "0123456789ab"})
    assert found.told == told_of(trial) and found.told.quality == progress.quality
