"""The neutral side: prepares a task, lets a peer choose, then times and judges what it answered.

An answer is timed by rounds of 0.1 s that take turns with the original on ONNX Runtime, each in a
process of its own on the same core: only one of the two runs at any time, so it does not matter
that the engines come from different environments. Three pairs of processes give the interval.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import bench
from bench.peers.judging import judged
from bench.peers.task import ANSWER, DATA, MODEL, TASK, Answer
from bench.procedure import Subject
from bench.zoo.base import write_evalset
from optim.errors import StepError
from optim.findings import Interval
from optim.machine.environment import cores_for
from optim.machine.lock import machine_to_itself
from optim.metrics.base import find_metric
from optim.metrics.choosing import choose_output
from optim.metrics.support.outputs import is_class_like
from optim.recipe import Recipe
from optim.timing.measurement import BASELINE, CANDIDATE, MODEL_BYTES, Measurement, Slice
from optim.timing.stats import speedup_of

MOST_SAMPLES = 1000
_PAIRS, _ROUNDS, _ROUND_SECONDS = 3, 10, 0.1
_OVER = 1.1
"""How far a peer may overrun its seconds before it is ended."""
HOME = "home"
"""This program's home folder in a task's."""
_MODULE = "bench.peers.child"


@dataclass(frozen=True)
class Chosen:
    """What a peer answered, after how long, and its last words."""

    answer: Answer
    seconds: float
    words: str


def prepare(one: Subject, folder: Path, seconds: float, limit: float) -> None:
    """Write a task: the model with static shapes, samples, labels, the original's answers."""
    evalset, names = one.evalset, list(one.evalset.inputs)
    feeds = {split: evalset.feeds(split, MOST_SAMPLES) for split in ("calibration", "validation")}
    labels = evalset.labels("validation", MOST_SAMPLES)
    size = None if labels is None else int(np.prod(labels.shape[1:], dtype=np.int64))
    spec = choose_output(find_metric(evalset.metric), one.model.outputs, size)
    metric = find_metric(evalset.metric).on(scores_classes=is_class_like(spec)).name
    session = Recipe.baseline().runtime.open(one.model.path)
    answers = [session.run(sample)[spec.name] for sample in feeds["validation"]]
    session.close()
    arrays = {
        f"{split}_{position}": np.stack([sample[name] for sample in samples])
        for split, samples in feeds.items()
        for position, name in enumerate(names)
    }
    more = {} if labels is None else {"labels": labels}
    folder.mkdir(parents=True)
    shutil.copy(one.model.path, folder / MODEL)
    np.savez(folder / DATA, inputs=names, originals=np.stack(answers), **arrays, **more)  # type: ignore[arg-type]
    told = {"seconds": seconds, "limit": limit, "metric": metric, "output": spec.name}
    (folder / TASK).write_text(json.dumps(told | {"inputs": names}))
    _as_user(one, folder)


def _as_user(one: Subject, folder: Path) -> None:
    """The same samples as a user brings them, for this program."""
    parts = [one.evalset.feeds(split, MOST_SAMPLES) for split in ("calibration", "validation")]
    inputs = {n: np.stack([s[n] for part in parts for s in part]) for n in one.evalset.inputs}
    both = [one.evalset.labels(split, MOST_SAMPLES) for split in ("calibration", "validation")]
    known = [labels for labels in both if labels is not None]
    labels = np.concatenate(known) if known else None
    write_evalset(folder, inputs, len(parts[0]), labels, one.evalset.metric)


def choose(peer: str, python: Path, folder: Path, seconds: float) -> Chosen:
    """Let a peer work for so long. Raises StepError with its last words where it offers nothing."""
    start, log = time.monotonic(), folder / "log.txt"
    with log.open("w") as words:
        process = subprocess.Popen(
            _command(python, "choose", peer, str(folder)),
            env=_environment(folder),
            stdout=words,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds * _OVER)
        ended, spent = process.poll(), time.monotonic() - start
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    lines = log.read_text(errors="replace").strip().splitlines() or ["no word"]
    if not (folder / ANSWER).exists():
        why = "it took too long" if ended is None else "it ended without an answer"
        raise StepError(f"After {spent:.0f} s {why}: {lines[-1]}", "", peer)
    answer = Answer(**json.loads((folder / ANSWER).read_text()))
    return Chosen(answer, spent, "" if ended == 0 else lines[-1])


def speedup(answer: Answer, python: Path, folder: Path) -> Interval:
    """How many times faster the answer is than the original on ONNX Runtime, one thread each."""
    original = Answer("onnxruntime", str(folder / MODEL), "", {})
    with machine_to_itself(lambda: False):
        slices = [_pair(answer, python, original, folder, turn) for turn in range(_PAIRS)]
    return speedup_of(Measurement(slices=tuple(slices)))


def loss(one: Subject, answer: Answer, python: Path, folder: Path) -> Interval:
    """Quality lost on the task's validation samples, as this program judges."""
    out = folder / "outputs.npz"
    words = _words("answer", answer, folder)
    done = subprocess.run(
        _command(_runner(answer, python), *words, str(out)),
        env=_environment(folder),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise StepError(done.stderr.strip().splitlines()[-1], "", answer.engine)
    told = json.loads((folder / TASK).read_text())
    with np.load(out) as answers, np.load(folder / DATA) as data:
        if told["output"] not in answers:
            what = f"Its model has no output {told['output']}, but {', '.join(answers.files)}"
            raise StepError(what, "", answer.engine)
        return judged(one, answers[told["output"]], data["originals"], told["output"])


def _pair(answer: Answer, python: Path, original: Answer, folder: Path, turn: int) -> Slice:
    chance, rounds = random.Random(turn), {CANDIDATE: [], BASELINE: []}  # type: ignore[var-annotated]
    with (
        _timer(original, Path(sys.executable), folder) as baseline,
        _timer(answer, _runner(answer, python), folder) as candidate,
    ):
        arms = [(CANDIDATE, candidate), (BASELINE, baseline)]
        for _ in range(_ROUNDS):
            for name, arm in chance.sample(arms, 2):
                rounds[name].append(_round(arm))
    return Slice(
        arms=rounds,
        started_at=datetime.now(UTC).isoformat(),
        load_average=os.getloadavg()[0],
        environment={MODEL_BYTES: str((folder / MODEL).stat().st_size)},
    )


@contextmanager
def _timer(answer: Answer, python: Path, folder: Path) -> "Iterator[subprocess.Popen[str]]":
    """A process that has the answer open and warm, and times it when told to."""
    process = subprocess.Popen(
        _command(python, *_words("time", answer, folder)),
        env=_environment(folder),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stderr
    try:
        for line in process.stdout:  # engines may print while they open
            if line.strip() == "ready":
                break
        else:
            words = process.stderr.read().strip().splitlines() or ["no word"]
            raise StepError(f"It could not be opened: {words[-1]}", "", answer.engine)
        yield process
    finally:
        process.kill()
        process.communicate()


def _round(timer: "subprocess.Popen[str]") -> list[int]:
    assert timer.stdin and timer.stdout
    timer.stdin.write(f"{_ROUND_SECONDS}\n")
    timer.stdin.flush()
    found: list[int] = json.loads(timer.stdout.readline())
    return found


def _runner(answer: Answer, python: Path) -> Path:
    """ONNX files run on this program's ONNX Runtime, whoever made them."""
    return Path(sys.executable) if answer.engine == "onnxruntime" else python


def _words(what: str, answer: Answer, folder: Path) -> Sequence[str]:
    options = json.dumps(dict(answer.options))
    return what, answer.engine, answer.file, options, str(folder / DATA)


def _command(python: Path, *words: str) -> list[str]:
    (core,) = cores_for(1)
    return [str(python), "-m", _MODULE, str(core), *words]


def _environment(folder: Path) -> dict[str, str]:
    """This checkout's modules, a home of the task's own, and no report of its use to anyone."""
    checkout = str(Path(bench.__file__).parents[1])
    quiet = {"ORT_DISABLE_TELEMETRY": "1", "OLIVE_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}
    own = {"PYTHONPATH": checkout, "HOME": str(folder), "OPTIM_HOME": str(folder / HOME)}
    return {**os.environ, **quiet, **own, "OMP_NUM_THREADS": "1"}
