"""One server on paper: its front, its queue, its sessions and its batches, request by request.

It does what `optim.serving.batcher` does: a session takes the oldest request and waits for more,
at most as long as the setting says; whoever has waited longest gets the next one. Before it, one
event loop reads and writes for all requests, one after the other: the front.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from optim.serving.batching import Batching
from optim.twin.arrivals import Times

Draw = Callable[[int, int], NDArray[np.float64]]
"""Rows of a batch and a number -> so many durations of its run, in seconds."""
_BLOCK = 1024
_DONE, _DUE = 0, 1


@dataclass(frozen=True)
class Simulated:
    """What became of the requests.

    `seconds` from arrival to answer of each, NaN of those refused; `rows` of each batch; `busy` is
    the share of the time that sessions ran, `front_busy` that of the front.
    """

    seconds: NDArray[np.float64]
    rows: NDArray[np.int64]
    busy: float
    front_busy: float

    @property
    def refused(self) -> int:
        """How many found the queue full."""
        return int(np.isnan(self.seconds).sum())


def simulate(
    arrivals: Times, draw: Draw, batching: Batching, front_s: float = 0.0, inline: bool = False
) -> Simulated:
    """Serve these requests of one row each; `inline`: the front runs the model itself."""
    if inline:
        whole = simulate(arrivals, lambda rows, n: draw(rows, n) + front_s, batching)
        return replace(whole, front_busy=whole.busy)
    reached = after_front(arrivals, front_s)
    if batching.sessions == batching.most == 1:
        found = _one_by_one(arrivals, reached, draw, batching, front_s)
        if found:
            return found
    server = _Server(reached, draw, batching)
    server.play()
    span = max(float(reached[-1] - arrivals[0]), 1e-12)
    return Simulated(
        seconds=server.answered - arrivals,
        rows=np.array(server.rows, np.int64),
        busy=server.ran / span / batching.sessions,
        front_busy=min(1.0, front_s * len(arrivals) / span),
    )


def after_front(arrivals: Times, front_s: float) -> Times:
    """When each leaves a single server that takes `front_s` for each, in their order."""
    number = np.arange(len(arrivals))
    left: Times = np.maximum.accumulate(arrivals - number * front_s) + (number + 1) * front_s
    return left


def _one_by_one(
    arrivals: Times, reached: Times, draw: Draw, batching: Batching, front_s: float
) -> Simulated | None:
    """The same for one session without batches, all at once (Lindley's recursion unrolled).

    None where some would find the queue full.
    """
    runs = draw(1, len(arrivals))
    done = np.cumsum(runs)
    answered = np.maximum.accumulate(reached - (done - runs)) + done
    inside = np.arange(len(reached)) - np.searchsorted(answered, reached, side="right")
    if inside.max() >= batching.queue:
        return None
    span = max(float(reached[-1] - arrivals[0]), 1e-12)
    return Simulated(
        seconds=answered - arrivals,
        rows=np.ones(len(arrivals), np.int64),
        busy=float(done[-1]) / span,
        front_busy=min(1.0, front_s * len(arrivals) / span),
    )


@dataclass
class _Session:
    batch: list[int] = field(default_factory=list)
    turn: int = 0
    """Counts its batches, so that a deadline of an earlier one is passed over."""
    waits: bool = True


class _Server:
    def __init__(self, arrivals: Times, draw: Draw, batching: Batching) -> None:
        self._arrivals, self._settings, self._draw = arrivals, batching, draw
        self._wait_s = batching.wait_ms / 1e3
        self._sessions = [_Session() for _ in range(batching.sessions)]
        self._waiting = deque(range(batching.sessions))
        self._queue: deque[int] = deque()
        self._events: list[tuple[float, int, int, int]] = []
        self._drawn: dict[int, list[float]] = {}
        self._inside = 0
        self.answered = np.full(len(arrivals), np.nan)
        self.rows: list[int] = []
        self.ran = 0.0

    def play(self) -> None:
        """Until all are answered."""
        events = self._events
        for request, now in enumerate(self._arrivals.tolist()):
            while events and events[0][0] <= now:
                self._happens(*heapq.heappop(events))
            self._comes(request, now)
        while events:
            self._happens(*heapq.heappop(events))

    def _comes(self, request: int, now: float) -> None:
        if self._inside >= self._settings.queue:
            return
        self._inside += 1
        self._queue.append(request)
        while self._waiting:
            number = self._waiting.popleft()
            if self._sessions[number].waits:
                self._take(number, now)
                return

    def _happens(self, now: float, kind: int, number: int, turn: int) -> None:
        session = self._sessions[number]
        if kind == _DUE:
            if session.turn == turn and session.waits and session.batch:
                self._run(number, now)
            return
        self.answered[session.batch] = now
        self._inside -= len(session.batch)
        session.batch, session.turn = [], session.turn + 1
        self._take(number, now)

    def _take(self, number: int, now: float) -> None:
        """Take what waits, then run, or wait for more."""
        session, queue = self._sessions[number], self._queue
        begins = not session.batch
        while queue and len(session.batch) < self._settings.most:
            session.batch.append(queue.popleft())
        if session.batch and (len(session.batch) == self._settings.most or not self._wait_s):
            self._run(number, now)
            return
        session.waits = True
        self._waiting.append(number)
        if session.batch and begins:
            due = now + self._wait_s
            heapq.heappush(self._events, (due, _DUE, number, session.turn))

    def _run(self, number: int, now: float) -> None:
        session = self._sessions[number]
        session.waits = False
        rows = len(session.batch)
        drawn = self._drawn.get(rows)
        if not drawn:
            drawn = self._drawn[rows] = self._draw(rows, _BLOCK).tolist()
        spent = drawn.pop()
        self.rows.append(rows)
        self.ran += spent
        heapq.heappush(self._events, (now + spent, _DONE, number, session.turn))
