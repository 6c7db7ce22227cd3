"""Requests as bytes, made before the clock runs: what a client would send for each sample."""

import json
from collections.abc import Sequence

import numpy as np

from optim.arrays import Feeds
from optim.serving import tensors
from optim.serving.messages import message
from optim.serving.settings import Rest, Serving

_LENGTH = "Inference-Header-Content-Length"


def payloads(name: str, samples: Sequence[Feeds], serving: Serving) -> list[bytes]:
    """One whole request for each sample: over REST with its head, over gRPC the message."""
    if not isinstance(serving, Rest):
        return [_message(name, feeds) for feeds in samples]
    make = _as_json if serving.encoding == "json" else _as_bytes
    return [_posted(name, *make(feeds)) for feeds in samples]


def _described(feeds: Feeds) -> list[dict[str, object]]:
    return [
        {"name": name, "datatype": tensors.datatype(value.dtype.name), "shape": list(value.shape)}
        for name, value in feeds.items()
    ]


def _message(name: str, feeds: Feeds) -> bytes:
    request = message("ModelInferRequest")(model_name=name)
    for one in _described(feeds):
        request.inputs.add(**one)
    request.raw_input_contents.extend(tensors.raw(value) for value in feeds.values())
    sent: bytes = request.SerializeToString()
    return sent


def _as_json(feeds: Feeds) -> tuple[bytes, dict[str, str]]:
    inputs = [
        one | {"data": np.ravel(value).tolist()}
        for one, value in zip(_described(feeds), feeds.values(), strict=True)
    ]
    return json.dumps({"inputs": inputs}).encode(), {}


def _as_bytes(feeds: Feeds) -> tuple[bytes, dict[str, str]]:
    inputs = [
        one | {"parameters": {"binary_data_size": value.nbytes}}
        for one, value in zip(_described(feeds), feeds.values(), strict=True)
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    body = b"".join([head, *(tensors.raw(value) for value in feeds.values())])
    return body, {_LENGTH: str(len(head))}


def _posted(name: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [
        f"POST /v2/models/{name}/infer HTTP/1.1",
        "Host: localhost",
        f"Content-Length: {len(body)}",
        *(f"{key}: {value}" for key, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body
