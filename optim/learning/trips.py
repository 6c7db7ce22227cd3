"""A program: requests to a server of its own on 127.0.0.1, over REST and over gRPC.

`python -m optim.learning.trips MODEL EXAMPLE SECONDS` serves a Model (its value as a JSON file) as
`optim host` does, in a second process that ends with this one, and prints, as JSON, the median
milliseconds of each round by how it asked. EXAMPLE is one sample of its inputs (`.npz`).
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import grpc
import numpy as np

from optim.arrays import Feeds
from optim.model import Model
from optim.recipe import Recipe
from optim.serving.asking import Asking, payloads
from optim.serving.batching import Batching
from optim.serving.host import host
from optim.serving.messages import PACKAGE, SERVICE
from optim.serving.served import Opened
from optim.serving.settings import Grpc, Rest, Serving

Call = Callable[[], object]
NEW_JSON = "REST, JSON, new connection"
OPEN_JSON = "REST, JSON, kept open"
OPEN_BYTES = "REST, bytes, kept open"
GRPC = "gRPC, kept open"
_ADDRESS, _NAME = "127.0.0.1", "lesson"
_TRIPS, _FEWEST_ROUNDS = 20, 3
_JSON, _BYTES = Rest(encoding="json"), Rest(encoding="binary")


def main(model: str, example: str, seconds: float) -> None:
    """Time rounds until the seconds are up, and print them."""
    with np.load(example) as arrays:
        feeds = {name: arrays[name] for name in arrays.files}
    with (
        _served(model, example) as (rest, rpc),
        grpc.insecure_channel(f"{_ADDRESS}:{rpc}") as way,
        closing(Asking.of(_ADDRESS, rest)) as kept_open,
    ):
        print(json.dumps(_rounds(_calls(rest, kept_open, way, feeds), seconds)))


def serve(model: str, example: str, rest: int, rpc: int) -> None:
    """Serve until whoever began this is gone: its end of our standard input closes then."""
    value = Model.model_validate_json(Path(model).read_bytes())
    engine = Recipe.baseline().runtime
    opened = Opened(
        _NAME,
        value.path,
        Path(example),
        engine.name,
        lambda path, threads: engine.open(path),
        engine.threads,
        value.inputs,
        value.outputs,
    )
    threading.Thread(target=_end_with_parent, daemon=True).start()
    host([opened], Batching(), address=_ADDRESS, rest=rest, rpc=rpc, told=_tell)


def _tell(line: str) -> None:
    print(line, flush=True)


def _end_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _served(model: str, example: str) -> Iterator[tuple[int, int]]:
    """Ports of REST and gRPC of a server that listens."""
    ports = _free_port(), _free_port()
    command = [sys.executable, "-P", "-m", "optim.learning.trips", model, example]
    with subprocess.Popen(
        [*command, *map(str, ports)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout
        if not server.stdout.readline():
            raise RuntimeError("the server ended before it listened")
        yield ports
        server.terminate()


def _free_port() -> int:
    with socket.create_server((_ADDRESS, 0)) as listening:
        return int(listening.getsockname()[1])


def _calls(port: int, kept_open: Asking, way: grpc.Channel, feeds: Feeds) -> dict[str, Call]:
    """Each writes its request anew, and reads JSON where the answer is in it."""

    def anew() -> object:
        with closing(Asking.of(_ADDRESS, port)) as connection:
            return json.loads(connection(_request(feeds, _JSON)))

    ask: Any = way.unary_unary(f"/{PACKAGE}.{SERVICE}/ModelInfer")
    return {
        NEW_JSON: anew,
        OPEN_JSON: lambda: json.loads(kept_open(_request(feeds, _JSON))),
        OPEN_BYTES: lambda: kept_open(_request(feeds, _BYTES)),
        GRPC: lambda: ask(_request(feeds, Grpc())),
    }


def _request(feeds: Feeds, serving: Serving) -> bytes:
    (request,) = payloads(_NAME, [feeds], serving)
    return request


def _rounds(calls: dict[str, Call], seconds: float) -> dict[str, list[float]]:
    """All ways in turns; the first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        _timed(call)
    start = time.perf_counter()
    while len(found[GRPC]) < _FEWEST_ROUNDS or time.perf_counter() - start < seconds:
        for name, call in calls.items():
            found[name].append(median(_timed(call) for _ in range(_TRIPS)))
    return found


def _timed(call: Call) -> float:
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    _model, _example, *_rest = sys.argv[1:]
    if len(_rest) == 1:
        main(_model, _example, float(_rest[0]))
    else:
        serve(_model, _example, *map(int, _rest))
