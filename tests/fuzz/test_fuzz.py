"""A short run through every door, and that what judges it would notice what it is there for."""

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import onnx
import psutil
import pytest
from support.paths import ROOT
from support.study_tools import use_home

from fuzz import mutations, report, running
from fuzz.bundled import Found
from fuzz.doors import DOORS, Door
from fuzz.journal import Journal, Share
from fuzz.judge import Verdict, judged
from fuzz.sound import _classifier, sound_files
from optim.errors import InputError
from optim.settings import settings

SEED, CASES = 20261125, len(DOORS)


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("fuzz")
        use_home(folder / "home", patch, TRIAL_SECONDS="0.5", STEP_MEMORY_MB="2048")
        yield
    sound_files.cache_clear()
    settings.cache_clear()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_short_run_finds_nothing_wrong(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", "seed-1")
    result = running.fuzzed(SEED, CASES, 600, tmp_path / "kept", journal)
    assert not result.failures, "\n".join(map(str, result.failures))
    assert result.verdicts.keys() == {door.name for door in DOORS}
    assert not [*(tmp_path / "kept").iterdir()], "only what went wrong is kept"
    outcomes = {v.outcome for verdicts in result.verdicts.values() for v in verdicts}
    assert {"taken", "refused"} <= outcomes
    again = running.fuzzed(
        SEED, CASES, 600, tmp_path / "kept", Journal(tmp_path / "journal", "seed-1")
    )
    assert again.verdicts == result.verdicts and again.grown_mb < 1, "nothing is tried twice"


def test_the_same_seed_tries_the_same(tmp_path: Path) -> None:
    first, again, other = (
        [(door.name, number) for door, number in islice(running.cases(seed, DOORS), 60)]
        for seed in (1, 1, 2)
    )
    assert first == again != other
    assert {name for name, _ in first} == {door.name for door in DOORS}
    sound = _classifier().SerializeToString()
    for way in (*mutations.BYTES, mutations.fields_changed):
        assert way(sound, Random(5)) == way(sound, Random(5))


def test_fields_and_members_are_really_spoiled(tmp_path: Path) -> None:
    sound = _classifier().SerializeToString()
    spoiled = [mutations.fields_changed(sound, Random(i)) for i in range(40)]
    assert all(onnx.ModelProto.FromString(one) is not None for one in spoiled)
    assert sum(one != sound for one in spoiled) > 20
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("run.py", b"print()")
        archive.writestr(mutations.MANIFEST, b"old")
    forged = mutations.forged((tmp_path / "a.zip").read_bytes(), Random(3))
    (tmp_path / "a.zip").write_bytes(forged)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read(mutations.MANIFEST) != b"old"


def _leave(path: Path) -> None:
    path.with_name("left").touch()


def _escape(path: Path) -> None:
    (settings().home.parent / mutations.ESCAPED).touch()


def _orphan(path: Path) -> None:
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def _crash(path: Path) -> None:
    raise KeyError("w1_quantized")


def _tell(text: str) -> Callable[[Path], None]:
    def opened(path: Path) -> None:
        raise InputError(text, "Fix it.")

    return opened


@pytest.mark.parametrize(
    ("opened", "wrong"),
    [
        (_leave, "it left left"),
        (_escape, f"it left {mutations.ESCAPED}"),
        (_orphan, "it left the process"),
        (_crash, "no sentence but KeyError"),
        (_tell("ValueError: bad shape."), "its sentence has 'ValueError: '"),
        (_tell("At 0x7f0012345678."), "its sentence has '0x7f001234'"),
        (_tell("One\nTwo."), "no sentence"),
        (lambda path: _tell(f"In {settings().home}/models.")(path), "a path of the server"),
    ],
)
def test_what_goes_wrong_is_noticed_and_its_file_kept(
    opened: Callable[[Path], None], wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Door, "spoiled", lambda self, seed, number: b"spoiled")
    result, door = running.Result(SEED), Door("onnx", "model.onnx", opened, ())
    try:
        result.add(door, 7, tmp_path, running.tried(door, SEED, 7, tmp_path))
    finally:
        (settings().home.parent / mutations.ESCAPED).unlink(missing_ok=True)
        for child in psutil.Process().children():
            if "time.sleep(60)" in child.cmdline():
                child.kill()
    (failure,) = result.failures
    assert any(wrong in one for one in failure.verdict.wrong), failure.verdict.wrong
    assert failure.kept.read_bytes() == b"spoiled"
    assert f"--seed {SEED} --door 'onnx' --only 7" in str(failure)


def test_a_refusal_in_words_is_right(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.touch()
    verdict = judged(_tell("The file is empty."), path)
    assert (verdict.outcome, verdict.wrong) == ("refused", ())


def test_what_another_program_starts_meanwhile_is_its_own(tmp_path: Path) -> None:
    started = "read line; sleep 60 & echo started; wait"
    with subprocess.Popen(["sh", "-c", started], stdin=-1, stdout=-1, text=True) as another:

        def opened(_: Path) -> None:
            assert another.stdin and another.stdout
            print(file=another.stdin, flush=True)
            another.stdout.readline()

        verdict = judged(opened, tmp_path / "a.onnx")
        for child in psutil.Process(another.pid).children():
            child.kill()
    assert (verdict.outcome, verdict.wrong) == ("taken", ())


def test_a_journal_goes_on_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    verdict = Verdict("stopped", 0.5, "said", ("one", "two"))
    Journal(tmp_path, "seed-1").add("first", verdict)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text() + '["second", [{"outc')
    journal = Journal(tmp_path, "seed-1")
    (first,) = journal.records("first", pytest.fail, until=0)
    assert Verdict.read(first) == verdict and "second" not in journal


def test_runs_that_share_the_work_do_each_case_once_and_read_one_anothers(tmp_path: Path) -> None:
    runs = [Journal(tmp_path, "seed-1", Share(part, 3)) for part in (1, 2, 3)]
    keys = [f"onnx-1-{number}" for number in range(60)]
    assert all(sum(run.wants(key) for run in runs) == 1 for key in keys)
    for run in runs:
        run.add(next(filter(run.wants, keys)), Verdict("taken", 0.5, "said"))
    whole = Journal(tmp_path, "seed-1")
    assert sum(key in whole for key in keys) == 3 and "onnx-2-0" not in Journal(tmp_path, "seed-2")


@pytest.mark.parametrize("text", ["0/4", "5/4", "4"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Share.parse(text)


def test_each_reason_for_a_refusal_is_listed_with_how_often_without_what_is_one_models_own() -> (
    None
):
    said = "model: The input 'like{}' is of type float8 (e4m{}). Export without it."
    found = [Found(f"m{i}", "brought", "refused", said.format(i, i)) for i in range(4)]
    found += [
        Found("m9", "fp16", "right"),
        Found("m9", "openvino", "wrong", "openvino: It | broke."),
    ]
    text = report.of_models(found)
    assert "| 4 | The input '…' is of type floatN (…). | m0, m1, m2 and 1 more |" in text
    assert "| 1 | openvino: It / broke. | m9 |" in text and "| brought | 0 | 0 | 4 | 0 |" in text


@pytest.mark.slow
def test_the_command_says_how_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", "--help"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and "--seed" in done.stdout
