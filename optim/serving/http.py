"""HTTP/1.1 for handlers that answer at once or later: one request of a connection after the other.

In place of a framework, since a framework's layers take longer than a small model's run: here a
request is read by httptools (Node's llhttp) and answered with one write, in the event loop's call
that read it if its answer is there by then. What is bounded: a request's bytes, those of its head,
and how long a connection may say nothing.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import httptools

from optim.errors import OptimError
from optim.serving.errors import BadRequest, Refused, TooLarge
from optim.serving.exchange import Answer, Handler, Later, Request, as_json, head_of

_HEAD_BYTES = 64 << 10
_IDLE_S = 75.0
_MOST_AHEAD = 16  # requests of one connection that are read before the first is answered
Made = TypeVar("Made", bound=Answer | Later)
_log = logging.getLogger(__name__)


class Connections:
    """What a server's connections share: who answers them, and which there are."""

    def __init__(self, handler: Handler, most_bytes: int) -> None:
        self.handler, self.most_bytes = handler, most_bytes
        self.open: set[Connection] = set()

    def made(self) -> "Connection":
        """The protocol of a new one."""
        return Connection(self)

    async def close(self, within_s: float) -> None:
        """Close each once it is answered; all by then."""
        end = time.monotonic() + within_s
        for one in [*self.open]:
            one.leave()
        while self.open and time.monotonic() < end:
            await asyncio.sleep(0.005)
        for one in [*self.open]:
            one.abort()


class Connection(asyncio.Protocol):
    """One connection: reads requests, answers them in their order."""

    def __init__(self, shared: Connections) -> None:
        self._shared, self._loop = shared, asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._reading = Request()
        self._head_bytes, self._heard = 0, self._loop.time()
        self._asked: deque[Request] = deque()
        self._answering: Request | None = None
        self._coming: asyncio.Future[Any] | None = None
        self._clogged = self._leaving = self._broken = False
        self._watch = self._loop.call_later(_IDLE_S, self._look)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        self._shared.open.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._shared.open.discard(self)
        self._watch.cancel()
        if self._coming:
            self._coming.cancel()

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        self._heard = self._loop.time()
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # its request is refused
        except httptools.HttpParserError as error:
            self._spoiled(BadRequest(f"This is no HTTP/1.1: {error}."))
        if self._head_bytes > _HEAD_BYTES:
            self._spoiled(TooLarge(f"The head of a request may have {_HEAD_BYTES:,} bytes."))
        if len(self._asked) > _MOST_AHEAD and self._transport:
            self._transport.pause_reading()
        self._next()

    def pause_writing(self) -> None:
        self._clogged = True

    def resume_writing(self) -> None:
        self._clogged = False
        self._next()

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._reading = Request()

    def on_url(self, part: bytes) -> None:
        self._reading.target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._reading.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        self._reading.method = self._parser.get_method().decode()
        if self._reading.headers.get(b"expect", b"").lower() == b"100-continue":
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._head_bytes = 0
        if len(self._reading.body) + len(part) > self._shared.most_bytes:
            self._spoiled(TooLarge(f"A request may have {self._shared.most_bytes:,} bytes."))
        elif not self._broken:
            self._reading.body += part

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        if self._parser.should_upgrade():
            self._spoiled(BadRequest("This connection stays HTTP/1.1: ask without an upgrade."))
        elif not self._broken:
            self._reading.kept_open = self._parser.should_keep_alive()
            self._asked.append(self._reading)

    # What follows.

    def leave(self) -> None:
        """Close it once what was asked is answered."""
        self._leaving = True
        if not self._answering and not self._asked:
            self._close()

    def abort(self) -> None:
        """Close it now."""
        if self._transport:
            self._transport.abort()

    def _spoiled(self, refused: Refused) -> None:
        """Say so, once what came before is answered; where the next begins, nobody knows."""
        if not self._broken:
            self._broken = True
            self._asked.append(Request(refused=refused, kept_open=False))

    def _next(self) -> None:
        """Answer what was asked, as far as it can be by now."""
        while self._asked and not self._answering and not self._clogged:
            self._answering = self._asked.popleft()
            found = self._handled(self._answering)
            if isinstance(found, Answer):
                self._answered(found)
            elif found.coming.done():
                self._answered(_tried(found.made))
            else:
                self._coming = found.coming
                found.coming.add_done_callback(partial(self._came, found))

    def _handled(self, request: Request) -> Answer | Later:
        if request.refused:
            return _refusal(request.refused)
        return _tried(partial(self._shared.handler, request))

    def _came(self, later: Later, coming: "asyncio.Future[Any]") -> None:
        self._coming = None
        if not coming.cancelled():
            self._answered(_tried(later.made))
            self._next()

    def _answered(self, answer: Answer) -> None:
        request, self._answering = self._answering, None
        assert request and self._transport
        kept = request.kept_open and not (self._leaving and not self._asked)
        self._write(head_of(answer, kept), b"" if request.method == "HEAD" else answer.body)
        if not kept:
            self._close()
        elif not self._asked:
            self._heard = self._loop.time()
            self._transport.resume_reading()

    def _write(self, *parts: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(b"".join(parts))

    def _close(self) -> None:
        self._asked.clear()
        if self._transport:
            self._transport.close()

    def _look(self) -> None:
        """Close it where it has said nothing for long, and nothing is owed to it."""
        quiet = self._loop.time() - self._heard
        if quiet >= _IDLE_S and not self._answering:
            self.abort()
            return
        self._watch = self._loop.call_later(max(1.0, _IDLE_S - quiet), self._look)


def _tried(make: Callable[[], Made]) -> Made | Answer:
    """What is made, or the protocol's error."""
    try:
        return make()
    except Refused as refused:
        return _refusal(refused)
    except OptimError as error:
        return as_json({"error": str(error)}, 500)
    except Exception as error:
        _log.exception("A request failed.")
        return as_json({"error": f"The server failed: {type(error).__name__}."}, 500)


def _refusal(refused: Refused) -> Answer:
    return as_json({"error": str(refused)}, refused.status)
