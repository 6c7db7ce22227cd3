"""The real server under many senders, rude clients, a kill and a restart: nothing lost, no hang."""

import http.client
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from serving.conftest import Hosted
from serving.test_host import NAME, Expected, post, request, width
from support.paths import ROOT
from support.serving import answers
from support.study_tools import wait_for

from bench.serving.soak import Where, soaked

pytestmark = pytest.mark.slow
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@pytest.mark.deep
def test_thousands_of_mixed_senders_get_their_own_answers(
    server: Hosted, expected: Expected
) -> None:
    where = Where(server.rest, server.grpc, NAME, "x", (width(server),))
    assert soaked(where, 4000, expected) == {"right": 4000}


def one_row(server: Hosted) -> bytes:
    return json.dumps(request(np.ones((1, width(server)), np.float32))).encode()


def asked(server: Hosted, body: bytes) -> bytes:
    head = f"POST /v2/models/{NAME}/infer HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


@pytest.mark.deep
def test_slow_readers_and_writers_hold_nobody_up(server: Hosted) -> None:
    body = one_row(server)
    whole = asked(server, body)
    slow = [socket.create_connection(("localhost", server.rest)) for _ in range(20)]
    for number, one in enumerate(slow):
        one.sendall(whole[: len(whole) // 2] if number % 2 else whole)  # half say only half
    begun = time.monotonic()
    for _ in range(50):
        assert post(server, body)[0] == 200
    assert time.monotonic() - begun < 60
    for number, one in enumerate(slow):
        if number % 2:
            one.sendall(whole[len(whole) // 2 :])
        one.settimeout(30)
        first = one.recv(1)  # one byte, then the rest
        assert (first + one.recv(65536)).startswith(b"HTTP/1.1 200")
        one.close()


FRAMES = {
    "a frame of 16 MB": PREFACE + struct.pack(">I", 0xFFFFFF)[1:] + b"\0\0" + b"\0\0\0\1",
    "an unknown type": PREFACE + b"\0\0\4\xee\0\0\0\0\1abcd",
    "data of no stream": PREFACE + b"\0\0\0\4\0\0\0\0\0" + b"\0\0\4\0\0\0\0\0\7junk",
    "headers that are none": PREFACE + b"\0\0\5\1\5\0\0\0\1\xff\xff\xff\xff\xff",
    "a preface cut off": PREFACE[:10],
}


@pytest.mark.parametrize("name", FRAMES)
def test_malformed_frames_harm_nobody(server: Hosted, expected: Expected, name: str) -> None:
    with socket.create_connection(("localhost", server.grpc)) as one, suppress(OSError):
        one.sendall(FRAMES[name])
        one.settimeout(0.3)
        one.recv(65536)
    where = Where(server.rest, server.grpc, NAME, "x", (width(server),))
    assert soaked(where, 20, expected, senders=2) == {"right": 20}


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 10\r\nContent-Length: 20\r\n\r\n0123456789",
        b"X: " + b"a" * 200_000 + b"\r\n\r\n",
    ],
)
def test_malformed_requests_harm_nobody(server: Hosted, body: bytes) -> None:
    with socket.create_connection(("localhost", server.rest)) as one, suppress(OSError):
        one.sendall(f"POST /v2/models/{NAME}/infer HTTP/1.1\r\nHost: x\r\n".encode() + body)
        one.settimeout(0.5)
        assert not one.recv(65536).startswith(b"HTTP/1.1 200")
    assert post(server, one_row(server))[0] == 200


def test_clients_that_vanish_in_the_middle_cost_nobody_an_answer(
    server: Hosted, expected: Expected
) -> None:
    whole, stop = asked(server, one_row(server)), threading.Event()

    def vanish() -> None:
        while not stop.is_set():
            with socket.create_connection(("localhost", server.rest)) as one:
                one.sendall(whole)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    rude = threading.Thread(target=vanish)
    rude.start()
    try:
        where = Where(server.rest, server.grpc, NAME, "x", (width(server),))
        assert soaked(where, 600, expected, senders=4) == {"right": 600}
    finally:
        stop.set()
        rude.join()


def test_killed_under_load_it_starts_again_at_once_and_answers(
    hosting: Callable[..., Hosted], expected: Expected
) -> None:
    server = hosting("--batch", "4")
    body, codes, broken = one_row(server), list[int](), list[OSError | http.client.HTTPException]()

    def ask() -> None:
        while not broken:
            try:
                codes.append(post(server, body)[0])
            except (OSError, http.client.HTTPException) as error:
                broken.append(error)

    asking = [threading.Thread(target=ask) for _ in range(4)]
    for thread in asking:
        thread.start()
    wait_for(lambda: len(codes) > 20)
    server.process.kill()
    for thread in asking:
        thread.join(60)
    assert broken and set(codes) == {200}, "an answer is whole, or there is none"
    ports = ["--rest", str(server.rest), "--grpc", str(server.grpc)]
    command = [sys.executable, "-m", "optim", "host", str(server.bundle), *ports]
    command += ["--batch", "4"]
    with server.log.open("a") as sink:
        server.process = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink, text=True)
    wait_for(lambda: answers(f"{server.url}/health/ready") or server.process.poll() is not None)
    where = Where(server.rest, server.grpc, NAME, "x", (width(server),))
    assert soaked(where, 40, expected, senders=2) == {"right": 40}
