"""Batching: requests that wait together run together; nobody's answer is anybody else's.

One queue for each model, one worker for each session. A worker takes the oldest request, and waits
for more, at most as long as the setting says; then its session runs them at once. What finds the
queue full is refused at once: a queue that only grows answers nobody in time.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from optim.arrays import Feeds
from optim.serving.errors import Overloaded, Stopping, TooLate

Outputs = dict[str, np.ndarray]
Run = Callable[[Feeds], Outputs]


class Batching(BaseModel):
    """How requests are put together, and how many may wait.

    `sessions` run side by side. `most` rows make a batch; a worker waits `wait_ms` for them.
    `queue` rows may wait; one that has waited `timeout_ms` is refused.
    """

    model_config = ConfigDict(frozen=True)

    sessions: int = Field(default=1, ge=1, le=256)
    most: int = Field(default=1, ge=1, le=1024)
    wait_ms: float = Field(default=0.0, ge=0, le=10_000)
    queue: int = Field(default=256, ge=1, le=100_000)
    timeout_ms: float = Field(default=10_000.0, gt=0)


@dataclass
class Timing:
    """Where the milliseconds of one request went, and how many rows ran with it."""

    queued_ms: float = 0.0
    run_ms: float = 0.0
    rows: int = 1


@dataclass(eq=False)
class _Waiting:
    feeds: Feeds
    rows: int
    answer: "asyncio.Future[tuple[Outputs, Timing]]"
    since: float = field(default_factory=time.monotonic)


class Batcher:
    """The queue of one model and the workers that empty it. For one event loop."""

    def __init__(self, runs: Sequence[Run], batching: Batching) -> None:
        self._settings = batching
        self._queue: asyncio.PriorityQueue[tuple[int, _Waiting]] = asyncio.PriorityQueue()
        self._numbers = count()
        self._rows = 0
        self._draining = False
        self._pools = [ThreadPoolExecutor(1, thread_name_prefix="session") for _ in runs]
        self._workers = [
            asyncio.create_task(self._work(run, pool))
            for run, pool in zip(runs, self._pools, strict=True)
        ]

    @property
    def waiting(self) -> int:
        """How many rows wait."""
        return self._rows

    async def infer(self, feeds: Feeds, rows: int = 1) -> tuple[Outputs, Timing]:
        """The answer to one request of so many rows. Raises Overloaded, TooLate, Stopping."""
        if self._draining:
            raise Stopping("The server is stopping.")
        if self._rows + rows > self._settings.queue:
            raise Overloaded(f"{self._rows} rows wait already; at most {self._settings.queue} may.")
        waiting = _Waiting(feeds, rows, asyncio.get_running_loop().create_future())
        self._rows += rows
        self._queue.put_nowait((next(self._numbers), waiting))
        try:
            async with asyncio.timeout(self._settings.timeout_ms / 1e3):
                return await waiting.answer
        except TimeoutError:
            raise TooLate(f"It waited {self._settings.timeout_ms:g} ms.") from None

    async def drain(self) -> None:
        """Answer what waits, take nothing more, and end."""
        self._draining = True
        while self._rows:
            await asyncio.sleep(0.005)
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with suppress(asyncio.CancelledError):
                await worker
        for pool in self._pools:
            pool.shutdown()

    async def _work(self, run: Run, pool: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._gather()
            started = time.monotonic()
            rows = sum(one.rows for one in batch)
            try:
                outputs = await loop.run_in_executor(pool, run, _joined(batch))
            except Exception as error:
                _refuse(batch, error)
            else:
                spent = 1e3 * (time.monotonic() - started)
                _answer(batch, outputs, started, spent, rows)
            finally:
                self._rows -= rows

    async def _gather(self) -> list[_Waiting]:
        """The oldest request, and those that may run with it."""
        batch = [(await self._next())[1]]
        deadline = asyncio.get_running_loop().time() + self._settings.wait_ms / 1e3
        while (room := self._settings.most - sum(one.rows for one in batch)) > 0:
            if not (found := await self._soon(deadline)):
                break
            number, one = found
            if one.rows > room:
                self._queue.put_nowait((number, one))  # the next one again, for whoever is free
                break
            batch.append(one)
        return batch

    async def _next(self) -> tuple[int, _Waiting]:
        """The oldest that is still wanted, and its number."""
        while True:
            number, one = await self._queue.get()
            if not one.answer.done():
                return number, one
            self._rows -= one.rows

    async def _soon(self, deadline: float) -> tuple[int, _Waiting] | None:
        """Another one that is still wanted, if it comes a deadline of the loop's clock."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                return await self._next()
        return None


def _joined(batch: Sequence[_Waiting]) -> Feeds:
    if len(batch) == 1:
        return batch[0].feeds
    return {name: np.concatenate([one.feeds[name] for one in batch]) for name in batch[0].feeds}


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)


def _answer(
    batch: Sequence[_Waiting], outputs: Outputs, started: float, spent: float, rows: int
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
        if not one.answer.done():
            one.answer.set_result((own, Timing(1e3 * (started - one.since), spent, rows)))
