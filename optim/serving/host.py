"""Serve bundles until told to stop: both protocols, one process, a graceful end."""

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import uvloop

from optim.errors import InputError
from optim.serving.batching import Batching
from optim.serving.hosting import Hosting
from optim.serving.http import Connections
from optim.serving.rest import handler
from optim.serving.rpc import rpc_server
from optim.serving.served import Opened, Served

_GRACE_S = 10.0
_BACKLOG = 2048
Place = int | Path | None
"""Where a protocol is served: a port, the path of a Unix socket, or nowhere."""


def host(
    opened: Sequence[Opened],
    batching: Batching,
    *,
    address: str = "localhost",
    rest: Place = 8000,
    rpc: Place = 8001,
    told: Callable[[str], None] = print,
) -> None:
    """Serve until SIGTERM or SIGINT. What was taken by then is answered.

    Args:
        rest: port of REST, `rpc` that of gRPC; or the path of a Unix socket; None: not served.
        told: gets a line when it listens, and one when it stops.

    Raises: InputError where a port is taken, or nothing is to be served.
    """
    if rest is None and rpc is None:
        raise InputError("Neither REST nor gRPC is to be served.", "Give one of the ports.", "host")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(opened, batching, address, rest, rpc, told))


async def _serve(
    opened: Sequence[Opened],
    batching: Batching,
    address: str,
    rest: Place,
    rpc: Place,
    told: Callable[[str], None],
) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    hosting = Hosting(Served(one, batching) for one in opened)
    await hosting.start()
    calls = await _rpc(hosting, address, rpc) if rpc is not None else None
    web = await Web.listening(hosting, address, rest) if rest is not None else None
    names = ", ".join(hosting.models)
    where = [f"REST on http://{address}:{rest}/v2"] if web else []
    where += [f"gRPC on {address}:{rpc}"] if calls else []
    told(f"Serving {names}: {'; '.join(where)}.")
    await stopped.wait()
    told("Stopping: what was taken is answered.")
    await hosting.stop()
    if calls:
        await calls.stop(_GRACE_S)
    if web:
        await web.close(_GRACE_S)


@dataclass(frozen=True)
class Web:
    """REST, listening."""

    server: asyncio.Server
    connections: Connections

    @classmethod
    async def listening(cls, hosting: Hosting, address: str, place: int | Path) -> "Web":
        """Raises InputError where the port is taken."""
        found, loop = Connections(handler(hosting), hosting.most_bytes), asyncio.get_running_loop()
        if isinstance(place, int):
            with_socket = _listening(address, place)
            return cls(await loop.create_server(found.made, sock=with_socket), found)
        server = await loop.create_unix_server(found.made, str(place), backlog=_BACKLOG)
        return cls(server, found)

    async def close(self, within_s: float = _GRACE_S) -> None:
        """Take no more connections; answer what was asked."""
        self.server.close()
        await self.connections.close(within_s)


def _listening(address: str, port: int) -> socket.socket:
    try:
        listening = socket.create_server((address, port), backlog=_BACKLOG)
    except OSError:
        raise _taken(address, port) from None
    # What it accepts inherits this; without it every answer waits 40 ms for an acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


async def _rpc(hosting: Hosting, address: str, port: int | Path) -> grpc.aio.Server:
    place = f"{address}:{port}" if isinstance(port, int) else f"unix:{port}"
    try:
        return await rpc_server(hosting, place)
    except RuntimeError:
        raise _taken(address, port) from None


def _taken(address: str, port: int | Path) -> InputError:
    return InputError(
        f"Nothing can listen on {address}:{port}: it is in use, or not this machine's.",
        "Name another port.",
        "host",
    )
