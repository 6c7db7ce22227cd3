"""A real bundle, and a real server of it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.explored import explored
from support.paths import ROOT
from support.serving import answers, free_port
from support.study_tools import wait_for

from optim.bundles.bundle import export
from optim.studies.study import Study

__all__ = ["explored"]


@dataclass
class Hosted:
    """A server of a bundle, in a process of its own."""

    process: "subprocess.Popen[str]"
    bundle: Path
    rest: int
    grpc: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.rest}/v2"

    @property
    def model(self) -> str:
        return f"{self.url}/models/classifier"


@pytest.fixture(scope="package")
def bundle(explored: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the original: what it answers is known from its weights' own arithmetic."""
    return export(explored, explored.trial(0), tmp_path_factory.mktemp("served") / "bundle")


@pytest.fixture(scope="module")
def hosting(
    bundle: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Hosted]]:
    """Starts servers with these options; they end with the tests."""
    started: list[Hosted] = []

    def begun(*options: str) -> Hosted:
        rest, grpc = free_port(), free_port()
        log = tmp_path_factory.mktemp("log") / "host.log"
        command = [sys.executable, "-m", "optim", "host", str(bundle), *options]
        command += ["--rest", str(rest), "--grpc", str(grpc)]
        with log.open("w") as sink:
            process = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink, text=True)
        hosted = Hosted(process, bundle, rest, grpc, log)
        started.append(hosted)
        wait_for(lambda: answers(f"{hosted.url}/health/ready") or process.poll() is not None)
        return hosted

    def start(*options: str) -> Hosted:
        hosted = begun(*options)
        if "it is in use" in hosted.log.read_text():  # another test was faster to take a free port
            hosted = begun(*options)
        assert hosted.process.poll() is None, hosted.log.read_text()
        return hosted

    yield start
    for one in started:
        one.process.terminate()
        one.process.wait(20)


@pytest.fixture(scope="module")
def server(hosting: Callable[..., Hosted]) -> Hosted:
    """One that puts requests together."""
    return hosting("--batch", "8", "--wait", "2ms", "--sessions", "2")


@pytest.fixture(scope="package")
def expected(bundle: Path) -> Callable[[np.ndarray], np.ndarray]:
    """What the model answers to rows, by ONNX Runtime alone, one by one."""
    import onnxruntime

    session = onnxruntime.InferenceSession(bundle / "model.onnx")
    (given,), (answer,) = session.get_inputs(), session.get_outputs()

    def run(rows: np.ndarray) -> np.ndarray:
        each = [session.run([answer.name], {given.name: row[None]})[0] for row in rows]
        return np.concatenate(each)

    return run
