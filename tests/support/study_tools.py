"""A small real model with its EvalSet, brought once, and a home folder of its own for each test."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper

from optim.evalset import load_evalset
from optim.ingest import ingest
from optim.settings import settings
from optim.studies.study import Study, create_study
from support.paths import ROOT

SAMPLES, FEATURES, CLASSES = 80, 16, 4


def write_classifier(folder: Path) -> tuple[Path, Path]:
    """A two-layer classifier and inputs labelled by its own noisy answers."""
    random = np.random.default_rng(3)
    weights = {
        "w1": random.normal(size=(FEATURES, 64)).astype(np.float32),
        "w2": random.normal(size=(64, CLASSES)).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w2"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, FEATURES])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, CLASSES])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, folder / "classifier.onnx")
    inputs = random.normal(size=(SAMPLES, FEATURES)).astype(np.float32)
    scores = np.maximum(inputs @ weights["w1"], 0) @ weights["w2"]
    labels = np.argmax(scores + random.normal(scale=4, size=scores.shape), axis=1)
    np.savez(folder / "evalset.npz", x=inputs, labels=labels, metric=np.array("top1"))
    return folder / "classifier.onnx", folder / "evalset.npz"


def use_home(home: Path, patch: pytest.MonkeyPatch, **options: str) -> None:
    """Let this process and its children keep everything under `home`."""
    patch.setenv("OPTIM_HOME", str(home))
    for name, value in options.items():
        patch.setenv(f"OPTIM_{name}", value)
    settings.cache_clear()


@pytest.fixture(scope="session")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Callable[[], Study]]]:
    """A home folder with the model and its EvalSet in it, and what opens their study."""
    folder = tmp_path_factory.mktemp("brought")
    with pytest.MonkeyPatch.context() as patch:
        use_home(folder / "home", patch)
        model_path, evalset_path = write_classifier(folder)
        model = ingest(model_path, evalset=evalset_path)
        evalset = load_evalset(evalset_path, model)
    settings.cache_clear()
    yield folder / "home", lambda: create_study(model, evalset)


@pytest.fixture
def study(
    brought: tuple[Path, Callable[[], Study]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Study]:
    """The study of the small model in a store of its own; a trial is done after one slice."""
    home, open_it = brought
    shutil.copytree(home, tmp_path / "home")
    use_home(tmp_path / "home", monkeypatch, TRIAL_SECONDS="0.5")
    yield open_it()
    settings.cache_clear()


def python(code: str) -> "subprocess.Popen[str]":
    """Another process of the program, in the same home folder."""
    return subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, text=True, stdout=subprocess.PIPE, env=os.environ
    )


def wait_for(condition: Callable[[], object], seconds: float = 150) -> None:
    """Wait until the condition holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def sandboxes(parent: int) -> list[psutil.Process]:
    """The sandboxed children at work under a process, started from nothing or forked."""
    found = [(child, _parent(child)) for child in psutil.Process(parent).children(recursive=True)]
    servers = {child.pid for child, _ in found if "optim.sandbox.forkserver" in _command(child)}
    return [
        child
        for child, above in found
        if above in servers or ("optim.sandbox.child" in _command(child) and not _waits(child))
    ]


def _waits(process: psutil.Process) -> bool:
    """Whether it has no request yet: then it has no folder either."""
    try:
        return process.cwd() == "/"
    except psutil.Error:
        return False


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.Error:  # it has just ended
        return 0


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of them runs any more."""
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)
