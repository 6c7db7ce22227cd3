"""Peers: what a task gives them, whose offer counts, and the neutral side's timing and judging."""

import itertools
import json
import os
import shutil
import sys
import time
from argparse import Namespace
from pathlib import Path

import numpy as np
import onnx
import pytest

from bench.peers import harness, report, task
from bench.peers.environments import python_of
from bench.peers.judging import judged
from bench.peers.report import OURS, PEERS, Outcome, outcome
from bench.peers.scores import score
from bench.peers.task import Answer, Task
from optim.errors import StepError
from optim.findings import Interval
from optim.metrics.base import find_metric

pytestmark = pytest.mark.slow

HERE = Path(sys.executable)


@pytest.fixture
def given(classifier, tmp_path) -> Path:
    """The folder of a task on the small classifier."""
    folder = tmp_path / "task"
    harness.prepare(classifier, folder, seconds=20, limit=0.01)
    return folder


@pytest.fixture
def engines(monkeypatch):
    """Engines that answer as the original does (`exact`) or its opposite, and take `ms` by a clock
    of the test's own."""

    def opened(engine, path, options):
        told = Task(Path(path).parent)
        answers = itertools.cycle(told._data["originals"])
        sign = 1 if engine == "exact" else -1

        def run(feeds):
            return {told.output: sign * next(answers)}

        run.ms = float(options["ms"])
        return run

    monkeypatch.setattr(task, "opened", opened)
    monkeypatch.setattr(task, "_typical_seconds", lambda run, feeds: run.ms / 1e3)


def answer_in(folder: Path) -> dict:
    return json.loads((folder / "answer.json").read_text())


def test_every_peer_says_what_it_is_and_needs():
    modules = [report._module(peer) for peer in PEERS]
    assert all(one.ABOUT and callable(one.choose) for one in modules)
    assert [peer for peer in PEERS if not report._module(peer).REQUIREMENTS] == [OURS]


@pytest.mark.deep
def test_peers_need_nothing_of_this_program_to_be_imported(given):
    """Their environments have neither optim nor an engine: standard library and numpy only."""
    code = (
        "import sys\nfor name in ('optim', 'onnx', 'onnxruntime', 'openvino', 'torch', 'pydantic'):"
        " sys.modules[name] = None\nimport importlib\n"
        f"[importlib.import_module('bench.peers.' + name) for name in {list(PEERS)}]\n"
        "import bench.peers.task, bench.peers.child"
    )
    assert os.spawnlp(os.P_WAIT, sys.executable, sys.executable, "-c", code) == 0


def test_a_task_has_the_samples_and_the_originals_answers(given, classifier):
    told = Task(given)
    assert len(told.calibration()) == classifier.evalset.calibration_count
    assert len(told.validation()) == classifier.evalset.validation_count
    assert told.validation()[0]["x"].shape == (1, 16)
    original = [{told.output: one} for one in told._data["originals"]]
    assert told.loss(original) == 0


def test_the_fastest_that_loses_little_enough_is_the_answer(given, engines):
    told = Task(given)
    for engine, name, milliseconds in [
        ("exact", "slow", 3),
        ("exact", "fast", 1),
        ("wrong", "wrong", 0.1),
        ("exact", "middling", 2),
    ]:
        allowed = told.consider(engine, given / name, name, {"ms": str(milliseconds)})
        assert allowed == (engine == "exact")
    assert answer_in(given)["said"] == "fast"


def test_without_one_within_the_limit_there_is_no_answer(given, engines):
    Task(given).consider("wrong", given / "w", "wrong", {"ms": "0.1"})
    assert not (given / "answer.json").exists()


@pytest.mark.parametrize(
    ("metric", "shape", "labels"),
    [
        ("top1", (1, 4), (4,)),
        ("auc", (1, 1), (2,)),
        ("auc", (1, 2), (2,)),
        ("miou", (1, 3, 5, 5), (3, 5, 5)),
        ("mae", (1, 6), None),
        ("rmse", (1, 6), None),
        ("cosine", (1, 6), None),
    ],
)
def test_peers_know_the_score_that_they_are_judged_by(metric, shape, labels):
    rng = np.random.default_rng(1)
    answers, originals = (rng.normal(size=(40, *shape)).round(1) for _ in range(2))
    truth = rng.integers(0, labels[0], (40, *labels[1:])) if labels else rng.normal(size=(40, 6))
    if metric == "miou":
        truth[0, 0] = 255
    reference = originals if metric == "cosine" else truth
    judge = find_metric(metric)
    rows = np.array([judge.row(a, np.asarray(b)) for a, b in zip(answers, reference, strict=True)])
    (expected,) = judge.aggregate(rows, np.ones((1, 40)))
    found = score(metric, answers, originals, None if metric == "cosine" else truth)
    if metric in ("mae", "rmse"):
        found *= score(metric, originals, originals, truth) * -_error_of(metric, originals, truth)
    assert abs(found) == pytest.approx(expected)


def _error_of(metric: str, originals, truth) -> float:
    off = originals.reshape(40, 6) - truth
    return float(np.sqrt((off**2).mean()) if metric == "rmse" else np.abs(off).mean())


def test_without_labels_the_original_is_what_is_right():
    originals = np.eye(4)[[0, 1, 2, 3]][:, None]
    assert score("top1", originals[[0, 1, 2, 0]], originals, None) == 0.75
    with pytest.raises(ValueError, match="auc"):
        score("auc", originals, originals, None)


def test_judged_as_this_program_judges(classifier):
    labels = classifier.evalset.labels("validation")
    right = np.eye(4, dtype=np.float32)[labels][:, None]
    half = right.copy()
    half[: len(half) // 2] = np.roll(half[: len(half) // 2], 1, axis=-1)
    lost = judged(classifier, half, right, "scores")
    assert lost.value == pytest.approx((len(half) // 2) / len(half))
    assert lost.low < lost.value < lost.high
    assert judged(classifier, right, right, "scores").value == 0


def test_without_labels_the_original_is_the_reference(classifier):
    bare = classifier.evalset.model_copy(update={"labelled": False, "metric": "fidelity"})
    one = type(classifier)("bare", classifier.model, bare)
    answers = np.eye(4, dtype=np.float32)[[0, 1, 2, 3]][:, None]
    other = answers[[0, 1, 2, 0]]
    assert judged(one, other, answers, "scores").value == pytest.approx(0.25)


@pytest.mark.deep
def test_a_peer_chooses_and_is_timed_and_judged(given, classifier):
    chosen = harness.choose("openvino_as_it_comes", HERE, given, 30)
    assert chosen.answer.engine == "openvino"
    assert chosen.words == ""
    lost = harness.loss(classifier, chosen.answer, HERE, given)
    assert lost.value <= 0.05
    gained = harness.speedup(chosen.answer, HERE, given)
    assert 0 < gained.low < gained.value < gained.high


@pytest.mark.slow
def test_what_fails_is_told_with_its_message(given):
    with pytest.raises(StepError, match="ended without an answer.*no_such_peer"):
        harness.choose("no_such_peer", HERE, given, 30)
    broken = Answer("onnxruntime", str(given / "gone.onnx"), "", {})
    with pytest.raises(StepError, match=r"could not be opened.*gone\.onnx"):
        harness.speedup(broken, HERE, given)


@pytest.mark.slow
def test_a_model_that_lost_its_output_is_told_so(given, classifier):
    model = onnx.load(given / harness.MODEL)
    for node in model.graph.node:
        node.output[:] = ["renamed" if name == "scores" else name for name in node.output]
    model.graph.output[0].name = "renamed"
    onnx.save(model, given / "other.onnx")
    other = Answer("onnxruntime", str(given / "other.onnx"), "", {})
    with pytest.raises(StepError, match="has no output scores, but renamed"):
        harness.loss(classifier, other, HERE, given)


@pytest.mark.deep
def test_a_peer_is_ended_with_its_time_and_keeps_what_it_offered(given, tmp_path, monkeypatch):
    """A child of its own package: it offers, then sleeps for ever with a grandchild."""
    checkout = tmp_path / "checkout"
    (checkout / "bench" / "peers").mkdir(parents=True)
    source = Path(harness.__file__).parent
    for name in ("__init__.py", "child.py", "task.py", "scores.py", "openers.py"):
        shutil.copy(source / name, checkout / "bench" / "peers" / name)
    (checkout / "bench" / "__init__.py").touch()
    (checkout / "bench" / "peers" / "sleeper.py").write_text(
        "import subprocess\n"
        "def choose(task):\n"
        "    task.offer('onnxruntime', task.model, 'offered early')\n"
        "    subprocess.run(['sleep', '1000'])\n"
    )
    monkeypatch.setattr(harness.bench, "__file__", str(checkout / "bench" / "__init__.py"))
    monkeypatch.chdir(checkout)
    start = time.monotonic()
    chosen = harness.choose("sleeper", HERE, given, 6)
    assert time.monotonic() - start < 60
    assert chosen.answer.said == "offered early"


def test_nothing_is_installed_for_what_needs_nothing(tmp_path):
    assert python_of(OURS, (), tmp_path) == HERE
    assert not list(tmp_path.iterdir())


def test_a_failed_installation_is_an_outcome_with_the_installers_words(
    classifier, tmp_path, monkeypatch
):
    def refuse(peer, requirements, cache):
        raise StepError("It could not be installed: no such version.", "", peer)

    monkeypatch.setattr(report, "python_of", refuse)
    found = outcome("aimet", classifier, Namespace(cache=str(tmp_path), budget=5))
    assert found.speedup is None
    assert found.said == "failed: It could not be installed: no such version."


def test_who_loses_too_much_keeps_the_original():
    fast, little, much = (Interval(value=v, low=v, high=v) for v in (3.0, 0.005, 0.02))
    assert Outcome("a", fast, little).counts == 3
    assert Outcome("a", fast, much).counts == 1
    assert Outcome("a").counts == 1
    ours = Outcome(OURS, Interval(value=4.5, low=4, high=5), little)
    assert report._against_the_best([ours, Outcome("a", fast, little)]) == [1.5]
    assert report._against_the_best([ours]) == []
