"""Ours beside other servers of the same ONNX file: latency alone, and rate under load.

`python -m bench beside [--peer NAME]`: each server in an environment and process of its own with
one worker, several rounds that share `--seconds`; JSON over one connection, then over eight at
once. The claim: at p99 and in rate at least as fast as the best of the others. The clients are
threads of this process: where they are what is slow, all servers look alike. To be run on an idle
machine.
"""

import importlib
import json
import os
import pkgutil
import signal
import subprocess
import time
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory

import numpy as np
import onnxruntime

from bench.peers.environments import python_of
from bench.serving import peers
from bench.serving.hosting import free_port, hosted, made, wait_for
from optim.errors import StepError
from optim.serving.asking import Asking, posted

OURS = "optim"
_SAMPLE, _ROUNDS, _SENDERS = "fashion", 3, 8


@dataclass(frozen=True)
class Peer:
    """A server that answers: where, and the whole request that it is sent."""

    port: int
    request: bytes

    @classmethod
    def asked(cls, port: int, path: str, body: bytes) -> "Peer":
        """With this JSON at this path."""
        return cls(port, posted(path, body, {"Content-Type": "application/json"}))


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    names = options.peer or [info.name for info in pkgutil.iter_modules(peers.__path__)]
    bundle, each = made(_SAMPLE), options.seconds / (1 + len(names)) / _ROUNDS / 2
    found = {name: _rounds(name, bundle, Path(options.cache), each) for name in (OURS, *names)}
    rows = [_row(name, one) for name, one in found.items()]
    head = "| server | p50 alone, ms | p99 alone, ms | requests/s | p99 at that, ms |"
    title = f"## {_SAMPLE} by several servers, JSON, {_SENDERS} senders under load"
    table = "\n".join([head, "|---|---|---|---|---|", *rows])
    told = {name: one for name, one in found.items() if not isinstance(one, str)}
    ours = told.pop(OURS, None)
    fine = ours is not None and all(
        ours[1] <= one[1] and ours[2] >= one[2] for one in told.values()
    )
    return f"{title}\n\n{table}", fine


def _row(name: str, found: list[float] | str) -> str:
    if isinstance(found, str):
        return f"| {name} | {found} | | | |"
    p50, p99, rate, loaded = found
    return f"| {name} | {p50:.2f} | {p99:.2f} | {rate:,.0f} | {loaded:.2f} |"


def _rounds(name: str, bundle: Path, cache: Path, seconds: float) -> list[float] | str:
    """p50 and p99 alone, rate and p99 under load: medians of the rounds; or why there are none."""
    try:
        with _ours(bundle) if name == OURS else _other(name, bundle, cache) as peer:
            sent(peer, 0.5)  # warms up
            rounds = [_one_round(peer, seconds) for _ in range(_ROUNDS)]
    except (StepError, RuntimeError, OSError) as error:
        return str(error).splitlines()[0][:120] or type(error).__name__
    return [float(value) for value in np.median(rounds, axis=0)]


def _one_round(peer: Peer, seconds: float) -> list[float]:
    alone = np.array(sent(peer, seconds))
    with ThreadPoolExecutor(_SENDERS) as pool:
        each = list(pool.map(lambda _: sent(peer, seconds), range(_SENDERS)))
    loaded = np.concatenate(each)
    p50, p99 = np.quantile(alone, [0.5, 0.99])
    return [p50, p99, len(loaded) / seconds, float(np.quantile(loaded, 0.99))]


def sent(peer: Peer, seconds: float) -> list[float]:
    """ms of each request of one sender, one after the other."""
    found, end = list[float](), time.perf_counter() + seconds
    with closing(Asking.of("localhost", peer.port)) as ask:
        while (started := time.perf_counter()) < end:
            ask(peer.request)
            found.append(1e3 * (time.perf_counter() - started))
    return found


def _example(bundle: Path) -> tuple[str, np.ndarray]:
    (given,) = onnxruntime.InferenceSession(bundle / "model.onnx").get_inputs()
    with np.load(bundle / "example.npz") as arrays:
        return given.name, arrays[given.name]


def body_of(kind: str, bundle: Path) -> bytes:
    name, rows = _example(bundle)
    if kind == "rows":
        return json.dumps({"input": rows.tolist()}).encode()
    tensor = {"name": name, "shape": list(rows.shape), "datatype": "FP32"}
    return json.dumps({"inputs": [tensor | {"data": rows.ravel().tolist()}]}).encode()


@contextmanager
def _ours(bundle: Path) -> Iterator[Peer]:
    with hosted(bundle) as (rest, _):
        yield Peer.asked(rest, f"/v2/models/{_SAMPLE}/infer", body_of("v2", bundle))


@contextmanager
def _other(name: str, bundle: Path, cache: Path) -> Iterator[Peer]:
    about = importlib.import_module(f"bench.serving.peers.{name}")
    python = python_of(f"serve-{name}", about.REQUIREMENTS, cache)
    port = free_port() % 20_000 + 20_000
    named = {"MODEL": bundle.resolve() / "model.onnx", "PORT": port}
    named |= {"GRPC": port + 1000, "METRICS": port + 2000}
    words = {key: str(value) for key, value in named.items()}
    program, *arguments = (Template(word).substitute(words) for word in about.COMMAND)
    quiet = {"BENTOML_DO_NOT_TRACK": "True", "PYTHONPATH": "."}
    with TemporaryDirectory() as folder:
        for file, text in about.FILES.items():
            Path(folder, file).write_text(Template(text).substitute(words))
        log = Path(folder, "log")
        with (
            log.open("w") as sink,
            subprocess.Popen(
                [str(python.with_name(program)), *arguments],
                cwd=folder,
                env=os.environ | words | quiet,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            ) as server,
        ):
            try:
                wait_for(port, about.READY, server)
                yield Peer.asked(port, about.PATH, body_of(about.BODY, bundle))
            except RuntimeError:
                last = log.read_text().strip().splitlines() or ["no word"]
                raise StepError(f"It did not start: {last[-1]}", "", name) from None
            finally:
                _end(server)


def _end(server: "subprocess.Popen[bytes]") -> None:
    """It and its workers, which are of its session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
