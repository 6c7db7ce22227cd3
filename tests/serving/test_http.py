"""What HTTP/1.1 lets a client do, on real sockets, without a model behind it."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.looping import ran

from optim.serving import http
from optim.serving.asking import Asking, posted
from optim.serving.errors import NotThere
from optim.serving.exchange import Answer, Handler, Later, Request
from optim.serving.http import Connections

MOST = 100_000
HEAD = "POST /echo HTTP/1.1\r\nHost: x\r\n"


def echo(request: Request) -> Answer | Later:
    """The body again: at once, or later where the path says so; other paths fail."""
    body = bytes(request.body)
    if request.target == b"/later":
        coming = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.01, coming.set_result, body)
        return Later(coming, lambda: Answer(coming.result()))
    if request.target == b"/broken":
        raise ZeroDivisionError
    if request.target != b"/echo":
        raise NotThere("There is nothing here.")
    return Answer(body, kind="text/plain")


def served(folder: Path, act: Callable[[Path], bytes], handler: Handler = echo) -> bytes:
    """What a client in a thread gets from such a server on a Unix socket."""

    async def serve() -> bytes:
        shared, loop = Connections(handler, MOST), asyncio.get_running_loop()
        server = await loop.create_unix_server(shared.made, str(folder / "s"))
        with ThreadPoolExecutor(1) as pool:
            found = await loop.run_in_executor(pool, act, folder / "s")
        server.close()
        await shared.close(5)
        assert not shared.open
        return found

    return ran(serve())


def said(*parts: bytes) -> Callable[[Path], bytes]:
    """Send these, one after the other; all that comes until the server closes the connection."""

    def act(place: Path) -> bytes:
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(20)
            one.connect(str(place))
            for part in parts:
                one.sendall(part)
            one.shutdown(socket.SHUT_WR)
            found = b""
            while data := one.recv(1 << 16):
                found += data
            return found

    return act


def test_requests_behind_each_other_are_answered_in_their_order(tmp_path: Path) -> None:
    paths = ["/later", "/echo"] * 20
    requests = [posted(path, f"<{n}>".encode(), {}) for n, path in enumerate(paths)]
    last = posted("/echo", b"<end>", {"Connection": "close"})
    found = served(tmp_path, said(b"".join([*requests, last])))
    bodies = [f"<{n}>".encode() for n in range(40)] + [b"<end>"]
    places = [found.index(body) for body in bodies]
    assert places == sorted(places) and found.count(b"200 OK") == 41


def test_a_request_may_come_in_pieces(tmp_path: Path) -> None:
    whole = posted("/echo", b"body", {"Connection": "close"})
    assert served(tmp_path, said(*(bytes([one]) for one in whole))).endswith(b"\r\n\r\nbody")
    chunked = f"{HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode()
    assert served(tmp_path, said(chunked, b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")).endswith(b"abcde")


def test_one_connection_is_asked_again_and_again(tmp_path: Path) -> None:
    def act(place: Path) -> bytes:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(place))
            ask = Asking(one)
            return b",".join(ask(posted("/later", f"{n}".encode(), {})) for n in range(30))

    assert served(tmp_path, act) == ",".join(map(str, range(30))).encode()


ODD = {
    "expected": (f"{HEAD}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n", "100 Continue"),
    "old": ("POST /echo HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", "connection: close"),
    "unknown": ("GET /other HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found"),
    "broken": ("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n", "500 Internal"),
    "nonsense": ("nonsense\r\n\r\n", "400 Bad Request"),
    "endless head": (f"{HEAD}X: {'a' * 70_000}", "413"),
    "long body": (f"{HEAD}Content-Length: {MOST + 1}\r\n\r\n{'a' * (MOST + 1)}", "413"),
    "two lengths": (f"{HEAD}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"),
    "upgrade": (f"{HEAD}Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n\r\nx", "400"),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_has_an_answer(tmp_path: Path, name: str) -> None:
    sent, wanted = ODD[name]
    found = served(tmp_path, said(sent.encode())).decode()
    assert wanted in found and found.startswith("HTTP/1.1 ")
    assert "Traceback" not in found


def test_a_head_alone_has_no_body(tmp_path: Path) -> None:
    sent = b"HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    handler: Handler = lambda _: Answer(b"long")  # noqa: E731
    found = served(tmp_path, said(sent), handler)
    assert b"content-length: 4" in found and found.endswith(b"\r\n\r\n")


def test_what_says_nothing_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_IDLE_S", 0.1)

    def act(place: Path) -> bytes:
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(20)
            one.connect(str(place))
            one.sendall(b"POST /echo HT")
            try:
                return one.recv(10)
            except ConnectionResetError:
                return b""

    assert served(tmp_path, act) == b""


def test_who_is_gone_is_waited_for_no_longer(tmp_path: Path) -> None:
    made: list[asyncio.Future[bytes]] = []

    def never(_: Request) -> Later:
        made.append(asyncio.get_running_loop().create_future())
        return Later(made[-1], lambda: Answer(b""))

    def act(place: Path) -> bytes:
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(place))
            one.sendall(posted("/echo", b"", {}))
            while not made:
                pass
        return b""

    served(tmp_path, act, never)
    assert made[0].cancelled()
