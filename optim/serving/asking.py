"""What a client sends for a sample, as bytes that are made before a clock runs, and the leanest
client there is: one connection that asks and waits for the answer."""

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Self
from urllib.parse import quote

import httptools
import numpy as np

from optim.arrays import Feeds
from optim.serving import tensors
from optim.serving.messages import message
from optim.serving.settings import Rest, Serving

_OK = 200
_PATIENCE_S = 30.0


def payloads(name: str, samples: Sequence[Feeds], serving: Serving) -> list[bytes]:
    """One whole request for each sample: over REST with its head, over gRPC the message."""
    if not isinstance(serving, Rest):
        return [_message(name, feeds) for feeds in samples]
    make = _as_json if serving.encoding == "json" else _as_bytes
    path = f"/v2/models/{quote(name)}/infer"
    return [posted(path, *make(feeds)) for feeds in samples]


def _message(name: str, feeds: Feeds) -> bytes:
    request = message("ModelInferRequest")(model_name=name)
    for key, value in feeds.items():
        request.inputs.add(**tensors.described(key, value))
    request.raw_input_contents.extend(tensors.raw(value) for value in feeds.values())
    sent: bytes = request.SerializeToString()
    return sent


def _as_json(feeds: Feeds) -> tuple[bytes, dict[str, str]]:
    inputs = [
        tensors.described(key, value) | {"data": np.ravel(value).tolist()}
        for key, value in feeds.items()
    ]
    return json.dumps({"inputs": inputs}).encode(), {}


def _as_bytes(feeds: Feeds) -> tuple[bytes, dict[str, str]]:
    inputs = [
        tensors.described(key, value) | {"parameters": {"binary_data_size": value.nbytes}}
        for key, value in feeds.items()
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    body = b"".join([head, *(tensors.raw(value) for value in feeds.values())])
    return body, {tensors.JSON_LENGTH: str(len(head))}


def posted(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A request of HTTP/1.1 with this body."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Length: {len(body)}",
        *(f"{key}: {value}" for key, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Asking:
    """One connection that asks over HTTP/1.1, and waits for each answer before the next."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._body, self._whole = bytearray(), False

    @classmethod
    def of(cls, host: str, port: int) -> Self:
        """Over TCP, each request sent at once."""
        connected = socket.create_connection((host, port), _PATIENCE_S)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connected)

    def __call__(self, request: bytes) -> bytes:
        """The body of the answer. Raises ConnectionError where it is none, or no success."""
        self._body, self._whole = bytearray(), False
        parser = httptools.HttpResponseParser(self)
        self._socket.sendall(request)
        while not self._whole:
            if not (data := self._socket.recv(1 << 16)):
                raise ConnectionError("The server closed the connection.")
            parser.feed_data(data)
        if (status := parser.get_status_code()) != _OK:
            raise ConnectionError(f"The server answers {status}: {bytes(self._body[:200])!r}.")
        return bytes(self._body)

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()

    def on_body(self, part: bytes) -> None:
        """Called by the parser."""
        self._body += part

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._whole = True
