"""What a server adds to a run: REST and gRPC against the bare engine, in turns.

`python -m bench serve`: for each sample, its original as a bundle, served by `optim host` in a
process of its own, asked by one client over one connection; the bare engine runs in this process
between them, for `--seconds` in all. The claim: the median adds at most 0.3 ms over either
protocol.
"""

import http.client
import json
import time
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median

import grpc
import numpy as np

from bench.serving.hosting import hosted, made
from optim.arrays import Feeds
from optim.serving.messages import PACKAGE, SERVICE, message
from optim.serving.served import Opened
from optim.serving.tensors import datatype

_SAMPLES = ("credit", "weather", "fashion", "spam")
_MOST_MS = 0.3
_LEAST_ROUNDS, _RUNS = 3, 20
Call = Callable[[], object]


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    rows, fine, names = [], True, options.names or _SAMPLES
    for name in names:
        bundle = made(name)
        with hosted(bundle) as ports:
            found = _in_turns(_ways(bundle, *ports), options.seconds / len(names))
        bare = found.pop("bare")
        added = {way: ms - bare for way, ms in found.items()}
        fine &= added["REST, binary"] <= _MOST_MS and added["gRPC"] <= _MOST_MS
        cells = [f"{bare:.3f}", *(f"{found[way]:.3f} (+{ms:.3f})" for way, ms in added.items())]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    head = "| model | bare | REST, JSON | REST, binary | gRPC |\n|---|---|---|---|---|"
    title = f"## What a server adds, p50 in ms (to reach: at most {_MOST_MS} over bare)"
    return "\n\n".join((title, "\n".join((head, *rows)))), fine


def _in_turns(ways: dict[str, Call], seconds: float) -> dict[str, float]:
    """Way of asking -> median ms."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    turn, end = 0, time.monotonic() + seconds
    while turn <= _LEAST_ROUNDS or time.monotonic() < end:
        for name, call in ways.items():
            for _ in range(_RUNS):
                started = time.perf_counter()
                call()
                if turn:  # the first round warms up
                    times[name].append(1e3 * (time.perf_counter() - started))
        turn += 1
    return {name: median(found) for name, found in times.items()}


def _ways(bundle: Path, rest_port: int, grpc_port: int) -> dict[str, Call]:
    opened = Opened.of(bundle)
    (feeds,) = opened.examples(1)
    session = opened.open(opened.model, 0)
    rest = http.client.HTTPConnection("localhost", rest_port)
    path = f"/v2/models/{opened.name}/infer"
    return {
        "bare": lambda: session.run(feeds),
        "REST, JSON": lambda: _posted(rest, path, *_as_json(feeds)),
        "REST, binary": lambda: _posted(rest, path, *_as_bytes(feeds)),
        "gRPC": _rpc(grpc_port, opened.name, feeds),
    }


def _posted(
    connection: http.client.HTTPConnection, path: str, body: bytes, headers: dict[str, str]
) -> bytes:
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    return content


def _described(feeds: Feeds) -> list[dict[str, object]]:
    return [
        {"name": name, "datatype": datatype(value.dtype.name), "shape": list(value.shape)}
        for name, value in feeds.items()
    ]


def _as_json(feeds: Feeds) -> tuple[bytes, dict[str, str]]:
    inputs = [
        one | {"data": np.ravel(feeds[str(one["name"])]).tolist()} for one in _described(feeds)
    ]
    return json.dumps({"inputs": inputs}).encode(), {}


def _as_bytes(feeds: Feeds) -> tuple[bytes, dict[str, str]]:
    inputs = [
        one | {"parameters": {"binary_data_size": feeds[str(one["name"])].nbytes}}
        for one in _described(feeds)
    ]
    asked = {"inputs": inputs, "parameters": {"binary_data_output": True}}
    head = json.dumps(asked).encode()
    body = b"".join([head, *(value.tobytes() for value in feeds.values())])
    return body, {"Inference-Header-Content-Length": str(len(head))}


def _rpc(port: int, name: str, feeds: Feeds) -> Call:
    channel = grpc.insecure_channel(f"localhost:{port}")
    ask = channel.unary_unary(
        f"/{PACKAGE}.{SERVICE}/ModelInfer",
        request_serializer=message("ModelInferRequest").SerializeToString,
        response_deserializer=message("ModelInferResponse").FromString,
    )

    def call() -> object:
        request = message("ModelInferRequest")(model_name=name)
        for one in _described(feeds):
            request.inputs.add(**one)
        request.raw_input_contents.extend(value.tobytes() for value in feeds.values())
        return ask(request)

    return call
