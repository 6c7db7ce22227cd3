"""Servers that do nothing: what client, loopback and the ways to them take by themselves.

`python -m bench.serving.floor '{"http": [[PORT, REQUEST, ANSWER], ...], "grpc": [PORT, ANSWER]}'`,
all sizes in bytes: an asyncio protocol that answers every so many bytes with so many, on the event
loop that ours runs on; and gRPC's own server with a method that answers at once.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import grpc
import uvloop

from bench.serving.hosting import wait_for
from optim.serving.messages import PACKAGE, SERVICE


class _Fixed(asyncio.Protocol):
    """Answers each request of this size."""

    def __init__(self, size: int, answer: bytes) -> None:
        self._size, self._left, self._answer = size, size, answer

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left <= 0:
            self._left = self._size
            self._transport.write(self._answer)


async def _serve(asked: dict[str, Any]) -> None:
    loop = asyncio.get_running_loop()
    for port, size, length in asked["http"]:
        answer = f"HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n".encode() + b"x" * length
        await loop.create_server(partial(_Fixed, size, answer), "localhost", port)
    port, length = asked["grpc"]
    await (await _rpc(f"localhost:{port}", b"x" * length)).wait_for_termination()


async def _rpc(place: str, answer: bytes) -> grpc.aio.Server:
    async def same(_: bytes, __: Any) -> bytes:
        return answer

    server: grpc.aio.Server = grpc.aio.server()
    methods: Any = {"ModelInfer": grpc.unary_unary_rpc_method_handler(same)}
    handler = grpc.method_handlers_generic_handler(f"{PACKAGE}.{SERVICE}", methods)
    server.add_generic_rpc_handlers((handler,))
    server.add_insecure_port(place)
    await server.start()
    return server


@contextmanager
def floors(http: Sequence[tuple[int, int, int]], rpc: tuple[int, int]) -> Iterator[None]:
    """Both, in a process of their own, from when they answer."""
    asked = json.dumps({"http": http, "grpc": rpc})
    with subprocess.Popen([sys.executable, "-m", "bench.serving.floor", asked]) as server:
        try:
            wait_for(http[0][0], "/" + "x" * http[0][1], server)
            yield
        finally:
            server.kill()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(json.loads(sys.argv[1])))
