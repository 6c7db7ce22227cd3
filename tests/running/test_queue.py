import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.study_tools import ROOT, brought, gone, python, sandboxes, study, use_home, wait_for

from optim.errors import DiskError, InputError, StepError, disk_is_full
from optim.evalset import synthesize
from optim.judging.quality import QUICK, Extent
from optim.recipe import Recipe
from optim.running import steps
from optim.running.items import Item
from optim.running.queue import Queue
from optim.running.steps import Job, run_step
from optim.studies.store import storage
from optim.studies.study import Study, create_study, open_study
from optim.studies.trial import Progress, Trial
from optim.studies.trial_store import TrialStore

__all__ = ["brought", "study"]  # fixtures

pytestmark = pytest.mark.slow
soon = pytest.mark.alone  # it says how soon children must be gone

ENGINES = ["onnxruntime", "openvino", "onnxruntime:graph=off"]


def add(study: Study, *spellings: str, origin: str = "user") -> list[int]:
    return [study.add(Recipe.parse(text), origin=origin) for text in spellings]


def phase(queue: Queue, number: int) -> str:
    return next((item.phase for item in queue.pending() if item.number == number), "")


def test_trials_get_a_point_each_then_tighten(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_home(Path(os.environ["OPTIM_HOME"]), monkeypatch, TRIAL_SECONDS="2")  # two slices
    monkeypatch.setattr("optim.running.steps.QUICK", Extent(samples=20))
    numbers = add(study, *ENGINES[:2], origin="start") + add(study, ENGINES[2])
    seen: list[Trial] = []
    with Queue.open() as queue:
        trials = queue.run_all(study, numbers, seen.append)
        assert queue.pending() == []
    assert [(trial.state, trial.error) for trial in trials] == [("done", "")] * 3
    points = [trial.number for trial in seen if trial.state == "tightening"]
    assert sorted(dict.fromkeys(points[:3])) == numbers, "first points come before tightening"
    assert points.index(numbers[2]) < points.index(numbers[1]), "what the user adds comes first"
    for trial in trials:
        assert trial.summary and trial.quality
        assert trial.summary.processes == len(trial.slices) == 2
        assert trial.quality.complete and trial.quality.n == 60
        assert len(study.measurement(trial.number).slices) == 2
    values = storage().get_all_trials(storage().get_study_id_from_name(study.name))[0].values
    assert values == [trials[0].latency_ms, trials[0].quality and trials[0].quality.value]
    assert any(not trial.quality.complete for trial in seen if trial.quality), "judged in two steps"


@soon
def test_cancel_kills_the_child_and_frees_the_machine(study: Study) -> None:
    running, waiting, third = add(study, *ENGINES)
    with Queue.open() as queue:
        for number in (running, waiting, third):
            queue.submit(study, number)
        wait_for(lambda: phase(queue, running) == "timing" and sandboxes(os.getpid()))
        children = sandboxes(os.getpid())
        started = time.monotonic()
        queue.cancel(study, waiting)
        queue.cancel(study, running)
        wait_for(lambda: gone(children), seconds=2)
        wait_for(lambda: phase(queue, third) != "waiting", seconds=2)
        assert time.monotonic() - started < 2
        assert queue.run_all(study, [third])[0].state == "done"
    assert [t.state for t in study.trials_of([running, waiting])] == ["cancelled"] * 2
    again = study.retry(running)
    assert again != running and [t.number for t in study.trials()] == [waiting, third, again]


def test_studies_take_turns(study: Study) -> None:
    first, second = (create_study(study.model, synthesize(study.model, n)) for n in (8, 9))
    with Queue.open() as queue:
        for of, count in ((first, 4), (second, 2)):
            recipes = [f"onnxruntime:threads={n + 1}" for n in range(count)]
            for number in add(of, *recipes, origin="start"):
                queue.submit(of, number)
        wait_for(lambda: queue.pending()[0].phase != "waiting")
        turns = [(item.study, item.number) for item in queue.pending()]
        mine, theirs = first.name, second.name
        assert turns == [(mine, 0), (theirs, 0), (mine, 1), (theirs, 1), (mine, 2), (mine, 3)]
        (asked,) = add(first, "openvino")
        queue.submit(first, asked)
        assert [item.number for item in queue.pending()].index(asked) <= 1, "what a user asks for"


@soon
def test_a_build_of_minutes_gives_way_to_what_gets_a_point_sooner(study: Study) -> None:
    (slow,) = add(study, "recover:seconds=60 + static_int8 + onnxruntime")
    first, second, third = add(study, *ENGINES)
    with Queue.open() as queue:
        queue.submit(study, slow)
        for sooner in (first, second):
            _wait_for_build(queue, slow)
            queue.submit(study, sooner)
            _wait_while_it_waits(queue, sooner)
            wait_for(lambda: "built anew" in study.trial(slow).phase, seconds=2)
            assert phase(queue, slow) == "waiting"
            queue.cancel(study, sooner)
        _wait_for_build(queue, slow)
        assert queue.pending()[0].seconds_left is None
        queue.submit(study, third)
        time.sleep(1)
        assert phase(queue, third) == "waiting", "a third time it keeps the machine"


def _wait_for_build(queue: Queue, number: int) -> None:
    wait_for(lambda: phase(queue, number).startswith("building"))


def _wait_while_it_waits(queue: Queue, number: int) -> None:
    wait_for(lambda: phase(queue, number) != "waiting", seconds=5)


def test_a_slow_build_that_nobody_asked_for_comes_last(study: Study) -> None:
    slow, other = add(study, "recover:seconds=60 + static_int8", ENGINES[1], origin="start")
    first, last = (Item(study, study.trial(one), 0, 0) for one in (other, slow))
    first.progress = first.progress.model_copy(update={"slices": ("a",) * 9})
    assert first.priority > last.priority


def test_a_failure_is_one_sentence_and_the_queue_goes_on(study: Study) -> None:
    (bad,) = add(study, "openvino")
    path = study.model.path
    content = path.read_bytes()
    with Queue.open() as queue:
        path.write_bytes(content[: len(content) // 2])
        failed = queue.run_all(study, [bad])[0]
        path.write_bytes(content)
        retried = queue.run_all(study, [study.retry(bad)])[0]
    assert failed.state == "failed" and failed.error.endswith(".") and "\n" not in failed.error
    assert retried.state == "done"


@pytest.mark.deep
def test_a_step_that_fails_midway_keeps_what_it_brought(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object, **__: object) -> None:
        raise StepError("It crashed.", "Try another recipe.", "quality")

    monkeypatch.setattr("optim.running.steps.quality_of", crash)
    job = Job(
        kind="first",
        model=study.model.digest,
        evalset=study.evalset.digest,
        recipe="simplify + onnxruntime",
    )
    done = run_step(job, lambda phase: None, lambda: False)
    assert done.error == "quality: It crashed. Try another recipe."
    assert done.progress.model_digest and done.progress.reports and len(done.progress.slices) == 1
    assert not done.progress.judged and not done.progress.has_point


def test_the_first_looks_of_a_model_are_on_the_same_samples(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However busy the machine is meanwhile: points judged on others moved when they met."""

    def looked(recipe: str, samples: int) -> int:
        monkeypatch.setattr(steps, "QUICK", QUICK.model_copy(update={"samples": samples}))
        of = {"model": study.model.digest, "evalset": study.evalset.digest, "target": "nvidia_t4"}
        done = run_step(Job(kind="first", recipe=recipe, **of), lambda _: None, lambda: False)
        assert done.progress.quality
        return done.progress.quality.n

    assert looked("onnxruntime", samples=20) == 20
    assert looked("simplify + onnxruntime", samples=40) == 20


@pytest.mark.deep
def test_the_budget_of_a_run_ends_it_at_a_point(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_home(Path(os.environ["OPTIM_HOME"]), monkeypatch, TRIAL_SECONDS="60")
    numbers = add(study, *ENGINES[:1])
    states: list[str] = []
    with Queue.open() as queue:
        (trial,) = queue.run_all(study, numbers, lambda one: states.append(one.state), seconds=0)
    assert trial.state == states[-1] == "done" and len(trial.slices) == 1


@soon
def test_closing_marks_what_runs_as_interrupted(study: Study) -> None:
    numbers = add(study, *ENGINES[:2])
    queue = Queue.open()
    for number in numbers:
        queue.submit(study, number)
    wait_for(lambda: sandboxes(os.getpid()))
    children = sandboxes(os.getpid())
    queue.close()
    assert [trial.state for trial in study.trials()] == ["interrupted"] * 2
    wait_for(lambda: gone(children), seconds=3)


RUN_BOTH = """
from optim.running import steps
from optim.running.items import Item
from optim.running.queue import Queue
from optim.studies.study import open_study
from optim.judging.quality import QUICK, Extent
from optim.recipe import Recipe
study = open_study({name!r})
numbers = [study.add(Recipe.parse(text)) for text in ("onnxruntime", "openvino")]
with Queue.open() as queue:
    for number in numbers:
        queue.run_all(study, [number])
"""


@soon
def test_kill_9_loses_nothing_and_leaves_no_orphans(study: Study) -> None:
    other = python(RUN_BOTH.format(name=study.name))
    try:
        wait_for(lambda: [t.state for t in study.trials()][:1] == ["done"])
        wait_for(lambda: study.trials()[1].state == "running" and sandboxes(other.pid))
        children = psutil.Process(other.pid).children(recursive=True)
    finally:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    wait_for(lambda: gone(children), seconds=3)
    done, interrupted = study.trials()
    assert done.state == "done" and done.summary and done.quality
    assert interrupted.state == "interrupted" and interrupted.error.endswith("under way.")
    with Queue.open() as queue:
        retried = queue.run_all(study, [study.retry(interrupted.number)])[0]
    assert retried.state == "done"
    assert [trial.number for trial in open_study(study.name).trials()] == [0, retried.number]


@pytest.mark.deep
def test_a_trial_of_another_process_is_waited_for(study: Study) -> None:
    other = python(RUN_BOTH.format(name=study.name))
    wait_for(lambda: len(study.trials()) == 2)
    with Queue.open() as queue:
        numbers = add(study, "onnxruntime", "openvino")
        trials = queue.run_all(study, numbers)
    assert numbers == [0, 1] and [trial.state for trial in trials] == ["done"] * 2
    assert other.wait(150) == 0


@pytest.fixture
def worker(
    brought: tuple[Path, Callable[[], Study]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[int]:
    """A scheduler and a worker as a team would start them; yields the pid of the worker."""
    shutil.copytree(brought[0], tmp_path / "home")
    use_home(tmp_path / "home", monkeypatch)
    address_file = tmp_path / "scheduler.json"
    env = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    shared = ["--scheduler-file", str(address_file), "--no-dashboard"]
    common = [sys.executable, "-m", "dask"]
    machine = ["--nthreads", "1", "--resources", "machine=1", "--memory-limit", "0"]
    processes = [
        subprocess.Popen([*common, "scheduler", "--port", "0", *shared], cwd=ROOT, env=env),
        subprocess.Popen([*common, "worker", *shared, *machine], cwd=ROOT, env=env),
    ]
    wait_for(address_file.exists)
    address = json.loads(address_file.read_text())["address"]
    use_home(tmp_path / "home", monkeypatch, SCHEDULER=address, TRIAL_SECONDS="0.5")
    yield processes[1].pid
    for process in processes[::-1]:
        process.terminate()
        process.wait()


@soon
@pytest.mark.deep
def test_a_scheduler_elsewhere(worker: int, brought: tuple[Path, Callable[[], Study]]) -> None:
    study = brought[1]()
    crashed, cancelled, good = add(study, *ENGINES)
    with Queue.open() as queue:
        queue.submit(study, crashed)
        wait_for(lambda: phase(queue, crashed) == "timing" and sandboxes(worker))
        children = sandboxes(worker)
        children[0].parent().kill()  # the worker itself; its nanny starts another one
        failed = queue.run_all(study, [crashed])[0]
        assert failed.state == "failed" and "worker" in failed.error and "killed" in failed.error
        wait_for(lambda: gone(children), seconds=3)
        queue.submit(study, cancelled)
        wait_for(lambda: phase(queue, cancelled) == "timing" and sandboxes(worker))
        children = sandboxes(worker)
        queue.cancel(study, cancelled)
        wait_for(lambda: gone(children), seconds=2)
        assert queue.run_all(study, [good])[0].state == "done"
    lost = python(RUN_BOTH.format(name=study.name))
    wait_for(lambda: sandboxes(worker))
    children = sandboxes(worker)
    lost.kill()
    lost.wait()
    wait_for(lambda: gone(children), seconds=5)


def test_a_scheduler_that_is_not_there(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    use_home(Path(os.environ["OPTIM_HOME"]), monkeypatch, SCHEDULER="tcp://127.0.0.1:9")
    monkeypatch.setattr("optim.running.placement._CONNECT_SECONDS", 1)
    with pytest.raises(InputError, match="127.0.0.1:9 cannot be reached"):
        Queue.open()


def test_a_modelled_target_is_estimated_and_judged(study: Study) -> None:
    number = study.add(Recipe.parse("onnxruntime"), "nvidia_t4")
    with Queue.open() as queue:
        trial = queue.run_all(study, [number])[0]
    assert (trial.state, trial.error) == ("done", "")
    assert trial.estimate and trial.summary is None and trial.slices == ()
    assert trial.latency_ms == trial.estimate.value > 0
    assert trial.quality and trial.quality.complete


def test_a_recipe_that_the_target_cannot_run_is_refused_in_words(study: Study) -> None:
    number = study.add(Recipe.parse("openvino:precision=bf16"), "nvidia_t4")
    with Queue.open() as queue:
        trial = queue.run_all(study, [number])[0]
    assert trial.state == "failed" and "bf16" in trial.error and trial.latency_ms is None


def test_a_job_travels_as_json() -> None:
    progress = Progress(slices=("a" * 64,), judged=True)
    job = Job(kind="slice", model="m", evalset="e", recipe="onnxruntime", progress=progress)
    assert Job.model_validate(job.model_dump(mode="json")) == job


@pytest.mark.deep
def test_a_store_that_is_full_for_a_while_loses_no_result(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a step brought waits until the store can be written again."""
    (number,) = add(study, ENGINES[0])
    full = iter([True] * 3)

    def flaky(real: Callable[..., bool]) -> Callable[..., bool]:
        def failing(self: TrialStore, *given: object) -> bool:
            if next(full, False):
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(self, *given)

        return failing

    monkeypatch.setattr("optim.running.queue._AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(TrialStore, "save", flaky(TrialStore.save))
    monkeypatch.setattr(TrialStore, "finish", flaky(TrialStore.finish))
    with Queue.open() as queue:
        (trial,) = queue.run_all(study, [number])
    assert trial.state == "done" and trial.summary and next(full, False) is False


def test_a_step_waits_for_the_disk_and_is_done_then(monkeypatch: pytest.MonkeyPatch) -> None:
    full, runs, failing = iter([True] * 3), [], [1]

    class Step:
        progress = Progress()

        def __init__(self, *_: object) -> None:
            pass

        def run(self) -> None:
            runs.append("run")
            if len(runs) in failing:
                raise disk_is_full("here")

    def unwritable() -> DiskError | None:
        return disk_is_full("here") if next(full, False) else None

    monkeypatch.setattr(steps, "_Step", Step)
    monkeypatch.setattr(steps, "_AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(steps, "unwritable", unwritable)
    job, said = Job(kind="first", model="m", evalset="e", recipe="openvino"), []
    done = run_step(job, said.append, lambda: False)
    assert not done.error and runs == ["run", "run"]
    assert len(said) == 3 and "waiting: The disk is full (here)" in said[0]
    runs.clear()
    failing.extend([2, 3])  # a part of the disk that takes files again after the rest
    assert not run_step(job, said.append, lambda: False).error and len(runs) == 4
    runs.clear()
    failing.extend(range(100))
    assert "disk is full" in run_step(job, said.append, lambda: False).error
    runs.clear()
    full = iter([True] * 9)
    assert run_step(job, said.append, lambda: True).cancelled
