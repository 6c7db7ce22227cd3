"""The queue of one model: requests that wait together run together; nobody's answer is another's.

One queue for each model, one worker for each session. A worker takes the oldest request, and waits
for more, at most as long as the setting says; then its session runs them at once, in a thread of
its own, or on the event loop where a run takes less than the way to that thread and back, or where
nothing else is to be done meanwhile. What finds the queue full is refused at once: a queue that
only grows answers nobody in time.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np

from optim.arrays import Feeds
from optim.serving.batching import Batching, Inline, Outputs, Run, Timing
from optim.serving.errors import Overloaded, Stopping, TooLate

Answered = asyncio.Future[tuple[Outputs, Timing]]


@dataclass(order=True, slots=True)
class _Waiting:
    number: int
    feeds: Feeds = field(compare=False)
    rows: int = field(compare=False)
    answer: Answered = field(compare=False)
    since: float = field(default_factory=time.monotonic, compare=False)
    limit: asyncio.TimerHandle | None = field(default=None, compare=False)


@dataclass(slots=True, eq=False)
class _Worker:
    """A session, and the batch that it waits for or runs."""

    run: Run
    pool: ThreadPoolExecutor
    batch: list[_Waiting] = field(default_factory=list)
    taken: float = 0.0
    due: asyncio.TimerHandle | None = None


class Batcher:
    """The queue of one model and the workers that empty it. For one event loop."""

    def __init__(
        self,
        runs: Sequence[Run],
        batching: Batching,
        pools: Sequence[ThreadPoolExecutor] = (),
        inline: Inline = Inline.NEVER,
    ) -> None:
        """`pools`: the thread of each run, where it has one already; `inline`: if on the loop."""
        self._settings, self._sizes, self._inline = batching, frozenset(batching.sizes), inline
        self._loop = asyncio.get_running_loop()
        self._queue: list[_Waiting] = []
        self._rows, self._asked = 0, 0
        self._draining = self._turn_has_work = False
        self._pools = pools or [ThreadPoolExecutor(1) for _ in runs]
        workers = (_Worker(run, pool) for run, pool in zip(runs, self._pools, strict=True))
        self._free = deque(workers)
        """Those that wait for requests; who has waited longest gets the next one."""

    @property
    def waiting(self) -> int:
        """How many rows wait or run."""
        return self._rows

    async def infer(self, feeds: Feeds, rows: int = 1) -> tuple[Outputs, Timing]:
        """As `ask`, awaited."""
        return await self.ask(feeds, rows)

    def ask(self, feeds: Feeds, rows: int = 1) -> Answered:
        """The answer to one request of so many rows, which may be there at once.

        Raises Overloaded, Stopping; the answer may be TooLate, or what the run raised.
        """
        if self._draining:
            raise Stopping("The server is stopping.")
        if self._rows + rows > self._settings.queue:
            raise Overloaded(f"{self._rows} rows wait already; at most {self._settings.queue} may.")
        alone = self._is_first_of_its_turn() and not self._rows
        self._asked += 1
        waiting = _Waiting(self._asked, feeds, rows, self._loop.create_future())
        self._rows += rows
        heappush(self._queue, waiting)
        self._hand_out(alone)
        if not waiting.answer.done():
            seconds = self._settings.timeout_ms / 1e3
            waiting.limit = self._loop.call_later(seconds, self._is_late, waiting.answer)
        return waiting.answer

    async def drain(self) -> None:
        """Answer what waits, take nothing more, and end."""
        self._draining = True
        while self._rows:
            await asyncio.sleep(0.005)
        for pool in self._pools:
            pool.shutdown()

    def _is_late(self, answer: Answered) -> None:
        if not answer.done():
            answer.set_exception(TooLate(f"It waited {self._settings.timeout_ms:g} ms."))

    def _is_first_of_its_turn(self) -> bool:
        """Whether this turn of the event loop had no work of ours before, which it has now."""
        first, self._turn_has_work = not self._turn_has_work, True
        if first:
            self._loop.call_soon(self._has_turned)
        return first

    def _has_turned(self) -> None:
        self._turn_has_work = False

    def _hand_out(self, alone: bool = False) -> None:
        """What waits, to those that wait for it; `alone`: it is one, and nothing else is to do."""
        while self._queue and self._free:
            self._fill(self._free.popleft(), alone)

    def _fill(self, worker: _Worker, alone: bool) -> None:
        """Take what waits; then run, or wait for more."""
        begins, now = not worker.batch, time.monotonic()
        if self._took_all_it_can(worker.batch) or (worker.batch and not self._settings.wait_ms):
            worker.taken = now if begins else worker.taken
            self._begin(worker, alone)
            return
        self._free.append(worker)
        if begins and worker.batch:
            worker.taken = now
            worker.due = self._loop.call_later(self._settings.wait_ms / 1e3, self._is_due, worker)

    def _took_all_it_can(self, batch: list[_Waiting]) -> bool:
        """Whether the batch is full, or the next one is too large for it."""
        while self._queue:
            room = self._settings.most - _rows(batch)
            if room <= 0 or (self._queue[0].rows > room and batch):
                return True
            one = heappop(self._queue)
            if one.answer.done():
                self._rows -= one.rows
            else:
                batch.append(one)
        return _rows(batch) >= self._settings.most

    def _is_due(self, worker: _Worker) -> None:
        self._free.remove(worker)
        self._begin(worker)
        self._hand_out()

    def _begin(self, worker: _Worker, alone: bool = False) -> None:
        """Run its batch."""
        if worker.due:
            worker.due.cancel()
            worker.due = None
        batch, started = worker.batch, time.monotonic()
        while not self._settings.padding and len(batch) > 1 and _rows(batch) not in self._sizes:
            heappush(self._queue, batch.pop())  # to its old place: it is first in the next
        if self._inline is Inline.ALWAYS or (self._inline is Inline.IDLE and alone):
            self._ended(worker, started, *_tried(worker.run, batch))
        else:
            worker.pool.submit(self._run, worker, started)

    def _run(self, worker: _Worker, started: float) -> None:
        """In its thread."""
        found = _tried(worker.run, worker.batch)
        self._loop.call_soon_threadsafe(self._ended, worker, started, *found)

    def _ended(
        self, worker: _Worker, started: float, ended: float, found: Outputs | Exception
    ) -> None:
        self._is_first_of_its_turn()  # these answers are to leave before the loop stands still
        batch, worker.batch = worker.batch, []
        if isinstance(found, Exception):
            _refuse(batch, found)
        else:
            run = Timing(run_ms=1e3 * (ended - started), rows=_rows(batch))
            _answer(batch, found, worker.taken, started, run)
        self._rows -= _rows(batch)
        self._free.append(worker)
        self._hand_out()


def _tried(run: Run, batch: Sequence[_Waiting]) -> tuple[float, Outputs | Exception]:
    """What a run of these gives, and when."""
    try:
        found: Outputs | Exception = run(_joined(batch))
    except Exception as error:
        found = error
    return time.monotonic(), found


def _rows(batch: Sequence[_Waiting]) -> int:
    return sum(one.rows for one in batch)


def _joined(batch: Sequence[_Waiting]) -> Feeds:
    if len(batch) == 1:
        return batch[0].feeds
    return {name: np.concatenate([one.feeds[name] for one in batch]) for name in batch[0].feeds}


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for one in batch:
        _settle(one)
        if not one.answer.done():
            one.answer.set_exception(error)


def _settle(one: _Waiting) -> None:
    if one.limit:
        one.limit.cancel()


def _answer(
    batch: Sequence[_Waiting], outputs: Outputs, taken: float, started: float, run: Timing
) -> None:
    """To each its own rows."""
    begin = 0
    for one in batch:
        own = (
            outputs
            if len(batch) == 1
            else {name: value[begin : begin + one.rows] for name, value in outputs.items()}
        )
        begin += one.rows
        _settle(one)
        if not one.answer.done():
            queued, batched = 1e3 * (taken - one.since), 1e3 * (started - max(taken, one.since))
            timing = Timing(max(0.0, queued), batched, run.run_ms, run.rows)
            one.answer.set_result((own, timing))
