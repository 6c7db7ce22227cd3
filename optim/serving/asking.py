"""How a client asks: one request in each form that a server of ours reads."""

import http.client
import json
from collections.abc import Callable

import grpc
import numpy as np

from optim.arrays import Feeds
from optim.serving.messages import PACKAGE, SERVICE, message
from optim.serving.tensors import datatype

Call = Callable[[], object]
Request = tuple[bytes, dict[str, str]]
"""Body and headers."""


def as_json(feeds: Feeds) -> Request:
    """Every number as text."""
    inputs = [
        one | {"data": np.ravel(feeds[str(one["name"])]).tolist()} for one in _described(feeds)
    ]
    return json.dumps({"inputs": inputs}).encode(), {}


def as_bytes(feeds: Feeds) -> Request:
    """JSON that says what follows it, then the numbers as they lie in memory."""
    inputs = [
        one | {"parameters": {"binary_data_size": feeds[str(one["name"])].nbytes}}
        for one in _described(feeds)
    ]
    asked = {"inputs": inputs, "parameters": {"binary_data_output": True}}
    head = json.dumps(asked).encode()
    body = b"".join([head, *(value.tobytes() for value in feeds.values())])
    return body, {"Inference-Header-Content-Length": str(len(head))}


def posted(connection: http.client.HTTPConnection, model: str, request: Request) -> bytes:
    """The answer's body. Raises RuntimeError where it is a refusal."""
    connection.request("POST", f"/v2/models/{model}/infer", *request)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(content[:200].decode(errors="replace"))
    return content


def by_grpc(channel: grpc.Channel, model: str, feeds: Feeds) -> Call:
    """A call that asks over an open channel, the request written anew each time."""
    ask = channel.unary_unary(
        f"/{PACKAGE}.{SERVICE}/ModelInfer",
        request_serializer=message("ModelInferRequest").SerializeToString,
        response_deserializer=message("ModelInferResponse").FromString,
    )

    def call() -> object:
        request = message("ModelInferRequest")(model_name=model)
        for one in _described(feeds):
            request.inputs.add(**one)
        request.raw_input_contents.extend(value.tobytes() for value in feeds.values())
        return ask(request)

    return call


def _described(feeds: Feeds) -> list[dict[str, object]]:
    return [
        {"name": name, "datatype": datatype(value.dtype.name), "shape": list(value.shape)}
        for name, value in feeds.items()
    ]
