"""Latency counts from when a request was due, whatever the server does meanwhile."""

import asyncio
import re
import socketserver
import tempfile
import threading
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.load.requests import Requests
from optim.load.running import play
from optim.load.scenario import Load
from optim.load.wires import LOST, RestWire

pytestmark = pytest.mark.slow

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
_ASKED = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
_STALL_S = 0.5
_NEVER = 10**9


class Stalling(socketserver.ThreadingUnixStreamServer):
    """Answers at once, but stands still at one request, and hangs up from another one on."""

    daemon_threads = True
    request_queue_size = 1024
    stalls_at, ends_at, seen = _NEVER, _NEVER, 0

    def turn(self) -> bool:
        with self.lock:
            self.seen += 1
            if self.seen == self.stalls_at:
                time.sleep(_STALL_S)
            return self.seen < self.ends_at


class Answering(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while self.request.recv(1 << 16) and self.server.turn():
            self.request.sendall(_ANSWER)


@contextmanager
def server(**behaviour: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:  # a socket's name has to be short
        place = str(Path(folder, "s"))
        with Stalling(place, Answering) as made:
            made.lock = threading.Lock()
            vars(made).update(behaviour)
            threading.Thread(target=made.serve_forever, daemon=True).start()
            yield place
            made.shutdown()


def played(load: Load, **behaviour: int) -> tuple[Requests, str]:
    async def run(place: str) -> tuple[Requests, str]:
        return await play(RestWire(place), [_ASKED], load)

    with server(**behaviour) as place:
        return in_a_thread(run(place))


def in_a_thread(what: Coroutine[Any, Any, Any]) -> Any:
    """One that has driven a browser has a loop that runs already."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, what).result()


@pytest.mark.parametrize("kind", ["server", "trace"])
def test_a_stall_is_seen_by_all_that_were_due_meanwhile(kind: str) -> None:
    times = tuple(np.arange(0, 1.5, 0.01)) if kind == "trace" else ()
    load = Load(kind=kind, rate=100, seconds=1.5, times=times)
    requests, _ = played(load, stalls_at=40)
    assert requests.answered.all()
    # At 100 a second some 50 are due while it stands still; a closed loop would have seen one.
    assert (requests.latency_ms > 0.4 * 1e3 * _STALL_S).sum() > 15
    assert requests.latency_ms.max() > 0.95e3 * _STALL_S


def test_a_closed_loop_sees_a_stall_once() -> None:
    requests, _ = played(Load(kind="single", rate=100, seconds=1), stalls_at=40)
    assert (requests.latency_ms > 0.95e3 * _STALL_S).sum() == 1


def test_latencies_are_those_that_loadgen_counts() -> None:
    requests, summary = played(Load(rate=200, seconds=1), stalls_at=50)
    (most,) = re.findall(r"Max latency \(ns\)\s*: (\d+)", summary)
    assert requests.latency_ms.max() == pytest.approx(int(most) / 1e6, abs=30)
    assert "Scenario : Server" in summary
    gaps = np.diff(requests.due_s)
    assert (gaps >= 0).all() and 0.5 < gaps.std() / gaps.mean() < 1.5, "arrivals are Poisson's"


def test_a_server_that_hangs_up_loses_requests_not_the_run() -> None:
    requests, _ = played(Load(rate=200, seconds=0.5), ends_at=20)
    assert requests.answered.sum() == 19
    assert (requests.status[~requests.answered] == LOST).all()
    assert np.isinf(requests.waited_ms).sum() == requests.count - 19


def test_a_pause_between_arrivals_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optim.load.running._PATIENCE_S", 0.4)
    requests, _ = played(Load(kind="trace", times=(0.0, 1.0, 1.9)))
    assert requests.answered.all()


def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optim.load.running._PATIENCE_S", 0.3)
    monkeypatch.setattr(Stalling, "turn", lambda _: time.sleep(3) or True)
    requests, _ = played(Load(kind="trace", times=(0.0, 0.1)))
    assert (requests.status == LOST).all()


@pytest.mark.parametrize("kind", ["multi", "offline"])
def test_closed_scenarios_answer_all(kind: str) -> None:
    requests, summary = played(Load(kind=kind, rate=400, seconds=0.3, at_once=4))
    assert requests.answered.all() and requests.count >= 100
    assert {"multi": "MultiStream", "offline": "Offline"}[kind] in summary


@given(rate=st.floats(10, 1e3), at_once=st.integers(1, 50), seed=st.integers(0, 99))
def test_bursts_come_at_once_and_at_the_rate(rate: float, at_once: int, seed: int) -> None:
    due = Load(kind="burst", rate=rate, seconds=60, at_once=at_once, seed=seed).schedule()
    assert due == sorted(due) and len(due) % at_once == 0
    assert all(len(set(due[k : k + at_once])) == 1 for k in range(0, len(due), at_once))
    assert len(due) == pytest.approx(60 * rate, abs=at_once)
