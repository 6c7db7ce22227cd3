"""Clients that keep up with a schedule: each request is sent when it is due, none waits for others.

Over REST a request takes an idle connection, or opens another one; over gRPC all share a channel.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc
import httptools

from optim.serving.messages import PACKAGE, SERVICE
from optim.serving.parts import HEADER

_MOST_TOLD = 500  # bytes: a server that runs a stranger's model is not trusted
LOST = 599
"""Status of a request whose connection broke, or that nobody answered."""
_METHOD = f"/{PACKAGE}.{SERVICE}/ModelInfer"
_STATUS = {"RESOURCE_EXHAUSTED": 503, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504}


@dataclass(frozen=True)
class Answer:
    """What came back. `sent` and `done` are of `time.perf_counter`; `parts`: the server's own."""

    sent: float
    done: float
    status: int
    parts: str = ""


Then = Callable[[Answer], None]


class Wire(ABC):
    """A way to ask one server. For one event loop."""

    @abstractmethod
    def ask(self, payload: bytes, then: Then) -> None:
        """Send it now; `then` is called once, with the answer or its failure."""

    async def close(self) -> None:
        """Let go of the connections."""


class RestWire(Wire):
    """HTTP/1.1 over as many connections as requests are under way.

    Args:
        place: `host:port`, or the path of a Unix socket.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._idle: list[_Connection] = []
        self._opening: set[asyncio.Task[None]] = set()

    def ask(self, payload: bytes, then: Then) -> None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                connection.send(payload, then, time.perf_counter())
                return
        task = asyncio.ensure_future(self._opened(payload, then, time.perf_counter()))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def close(self) -> None:
        for connection in self._idle:
            connection.close()

    async def _opened(self, payload: bytes, then: Then, sent: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            if "/" in self._place:
                _, made = await loop.create_unix_connection(self._made, self._place)
            else:
                host, _, port = self._place.rpartition(":")
                _, made = await loop.create_connection(self._made, host, int(port))
        except OSError:
            then(Answer(sent, time.perf_counter(), LOST))
            return
        made.send(payload, then, sent)

    def _made(self) -> "_Connection":
        return _Connection(self._idle)


class _Connection(asyncio.Protocol):
    """One connection; puts itself back among the idle ones when an answer is whole."""

    def __init__(self, idle: "list[_Connection]") -> None:
        self._idle = idle
        self._transport: asyncio.Transport | None = None
        self._then: Then | None = None
        self._sent, self._parts = 0.0, ""
        self._parser = httptools.HttpResponseParser(self)

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def send(self, payload: bytes, then: Then, sent: float) -> None:
        assert self._transport
        self._then, self._sent, self._parts = then, sent, ""
        self._transport.write(payload)

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == HEADER.encode():
            self._parts = value[:_MOST_TOLD].decode("latin-1")

    def on_message_complete(self) -> None:
        self._end(self._parser.get_status_code())
        if self.is_open and self._parser.should_keep_alive():
            self._parser = httptools.HttpResponseParser(self)
            self._idle.append(self)
        else:
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._end(LOST)

    def _end(self, status: int) -> None:
        if then := self._then:
            self._then = None
            then(Answer(self._sent, time.perf_counter(), status, self._parts))


class GrpcWire(Wire):
    """One channel, which a server answers in any order."""

    def __init__(self, place: str) -> None:
        target = f"unix:{place}" if "/" in place else place
        self._channel = grpc.aio.insecure_channel(target)
        self._call: Any = self._channel.unary_unary(_METHOD)
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, payload: bytes, then: Then) -> None:
        task = asyncio.ensure_future(self._asked(payload, then))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        await self._channel.close()

    async def _asked(self, payload: bytes, then: Then) -> None:
        sent = time.perf_counter()
        call = self._call(payload)
        try:
            await call
        except grpc.aio.AioRpcError as error:
            status = _STATUS.get(error.code().name, 500)
            then(Answer(sent, time.perf_counter(), status))
            return
        done = time.perf_counter()
        told = dict(await call.trailing_metadata() or ())
        then(Answer(sent, done, 200, str(told.get(HEADER, ""))[:_MOST_TOLD]))
