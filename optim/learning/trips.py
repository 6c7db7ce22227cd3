"""A program: requests to a server of its own on 127.0.0.1, over REST and over gRPC.

`python -m optim.learning.trips MODEL EXAMPLE SECONDS` serves a Model (its value as a JSON file) as
`optim host` does, in a second process that ends with this one, and prints, as JSON, the median
milliseconds of each round by how it asked. EXAMPLE is one sample of its inputs (`.npz`).
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import grpc
import numpy as np

from optim.arrays import Feeds
from optim.model import Model
from optim.recipe import Recipe
from optim.serving.asking import Call, as_bytes, as_json, by_grpc, posted
from optim.serving.batching import Batching
from optim.serving.host import host
from optim.serving.served import Opened

NEW_JSON = "REST, JSON, new connection"
OPEN_JSON = "REST, JSON, kept open"
OPEN_BYTES = "REST, bytes, kept open"
GRPC = "gRPC, kept open"
_ADDRESS, _NAME = "127.0.0.1", "lesson"
_TRIPS, _FEWEST_ROUNDS = 20, 3


def main(model: str, example: str, seconds: float) -> None:
    """Time rounds until the seconds are up, and print them."""
    with np.load(example) as arrays:
        feeds = {name: arrays[name] for name in arrays.files}
    with (
        _served(model, example) as (rest, rpc),
        grpc.insecure_channel(f"{_ADDRESS}:{rpc}") as way,
        closing(http.client.HTTPConnection(_ADDRESS, rest)) as kept_open,
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


def _calls(
    port: int, kept_open: http.client.HTTPConnection, way: grpc.Channel, feeds: Feeds
) -> dict[str, Call]:
    def anew() -> object:
        with closing(http.client.HTTPConnection(_ADDRESS, port)) as connection:
            return json.loads(posted(connection, _NAME, as_json(feeds)))

    return {
        NEW_JSON: anew,
        OPEN_JSON: lambda: json.loads(posted(kept_open, _NAME, as_json(feeds))),
        OPEN_BYTES: lambda: posted(kept_open, _NAME, as_bytes(feeds)),
        GRPC: by_grpc(way, _NAME, feeds),
    }


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
