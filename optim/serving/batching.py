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
from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from optim.arrays import Feeds
from optim.serving.errors import Overloaded, Stopping, TooLate

Outputs = dict[str, np.ndarray]
Run = Callable[[Feeds], Outputs]


class Batching(BaseModel):
    """How many sessions run side by side, how requests are put together, how many may wait."""

    model_config = ConfigDict(frozen=True)

    sessions: int = Field(
        default=1, ge=1, le=64, description="How many copies of the model run side by side."
    )
    threads: int = Field(
        default=0, ge=0, le=64, description="Threads of each session; 0: as many as the recipe has."
    )
    pinned: bool = Field(
        default=False, description="Each session keeps to CPU cores of its own (pinning)."
    )
    most: int = Field(
        default=1, ge=1, le=1024, description="Most rows that run together; 1: no batches."
    )
    wait_ms: float = Field(
        default=0.0, ge=0, le=10_000, description="How long a batch waits to fill, in ms."
    )
    preferred: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = Field(
        default=(), description="Sizes of batches; without any: 1, 2, 4, and so on to the most."
    )
    padding: bool = Field(
        default=True,
        description="A batch between two sizes is filled up to the next; else it waits in part.",
    )
    queue: int = Field(
        default=256, ge=1, le=100_000, description="Rows that may wait; more are refused at once."
    )
    timeout_ms: float = Field(
        default=10_000.0, gt=0, le=600_000, description="Longest wait of a request, in ms."
    )

    @property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of batches that sessions are bound to, upwards; 1 and the most among them."""
        wanted = self.preferred or [2**k for k in range(self.most.bit_length())]
        return tuple(sorted({1, self.most, *(size for size in wanted if size <= self.most)}))


@dataclass
class Timing:
    """Where the milliseconds of one request went, and how many rows ran with it.

    `queued_ms` passed until a session took its batch up, `batched_ms` until the batch was full or
    had waited long enough, `run_ms` until the outputs were there.
    """

    queued_ms: float = 0.0
    batched_ms: float = 0.0
    run_ms: float = 0.0
    rows: int = 1


@dataclass(order=True)
class _Waiting:
    number: int
    feeds: Feeds = field(compare=False)
    rows: int = field(compare=False)
    answer: "asyncio.Future[tuple[Outputs, Timing]]" = field(compare=False)
    since: float = field(default_factory=time.monotonic, compare=False)


class Batcher:
    """The queue of one model and the workers that empty it. For one event loop."""

    def __init__(
        self, runs: Sequence[Run], batching: Batching, pools: Sequence[ThreadPoolExecutor] = ()
    ) -> None:
        """`pools`: the thread of each run, where it has one already."""
        self._settings, self._sizes = batching, frozenset(batching.sizes)
        self._queue: asyncio.PriorityQueue[_Waiting] = asyncio.PriorityQueue()
        self._rows, self._asked = 0, 0
        self._draining = False
        self._pools = pools or [ThreadPoolExecutor(1) for _ in runs]
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
        self._asked += 1
        answer = asyncio.get_running_loop().create_future()
        waiting = _Waiting(self._asked, feeds, rows, answer)
        self._rows += rows
        self._queue.put_nowait(waiting)
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
            batch, taken = await self._gather()
            started = time.monotonic()
            rows = _rows(batch)
            try:
                outputs = await loop.run_in_executor(pool, run, _joined(batch))
            except Exception as error:
                _refuse(batch, error)
            else:
                spent = 1e3 * (time.monotonic() - started)
                _answer(batch, outputs, taken, started, Timing(run_ms=spent, rows=rows))
            finally:
                self._rows -= rows

    async def _gather(self) -> tuple[list[_Waiting], float]:
        """The oldest request and those that may run with it; when it was taken up."""
        batch, taken = [await self._next()], time.monotonic()
        deadline = asyncio.get_running_loop().time() + self._settings.wait_ms / 1e3
        while (room := self._settings.most - _rows(batch)) > 0:
            if not (one := await self._soon(deadline)):
                break
            if one.rows > room:
                self._queue.put_nowait(one)
                break
            batch.append(one)
        while not self._settings.padding and len(batch) > 1 and _rows(batch) not in self._sizes:
            self._queue.put_nowait(batch.pop())  # to its old place: it is first in the next
        return batch, taken

    async def _next(self) -> _Waiting:
        """The oldest that is still wanted."""
        while True:
            one = await self._queue.get()
            if not one.answer.done():
                return one
            self._rows -= one.rows

    async def _soon(self, deadline: float) -> _Waiting | None:
        """Another one that is still wanted, if it comes a deadline of the loop's clock."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                return await self._next()
        return None


def _rows(batch: Sequence[_Waiting]) -> int:
    return sum(one.rows for one in batch)


def _joined(batch: Sequence[_Waiting]) -> Feeds:
    if len(batch) == 1:
        return batch[0].feeds
    return {name: np.concatenate([one.feeds[name] for one in batch]) for name in batch[0].feeds}


def _refuse(batch: Sequence[_Waiting], error: Exception) -> None:
    for one in batch:
        if not one.answer.done():
            one.answer.set_exception(error)


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
        if not one.answer.done():
            queued, batched = 1e3 * (taken - one.since), 1e3 * (started - max(taken, one.since))
            one.answer.set_result(
                (own, replace(run, queued_ms=max(0.0, queued), batched_ms=batched))
            )
