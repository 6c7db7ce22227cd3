"""Requests run together, and nobody's answer is anybody else's."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.looping import ran

from optim.arrays import Feeds
from optim.serving.batcher import Batcher
from optim.serving.batching import Batching, Inline, Outputs, Timing
from optim.serving.errors import Overloaded, Stopping, TooLate


def rows_of(value: float, count: int = 1) -> Feeds:
    return {"x": np.full((count, 2), value, np.float32)}


T = TypeVar("T")


class Engine:
    """Doubles what it gets, and remembers how much it got at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, feeds: Feeds) -> Outputs:
        self.open.wait(10)
        self.sizes.append(len(feeds["x"]))
        if (feeds["x"] < 0).any():
            raise ValueError("a negative row")
        return {"y": 2 * feeds["x"]}


def played(
    batching: Batching, act: Callable[[Batcher, Engine], Awaitable[T]], engines: int = 1
) -> tuple[T, Engine]:
    engine = Engine()

    async def play() -> T:
        batcher = Batcher([engine] * engines, batching)
        try:
            return await act(batcher, engine)
        finally:
            engine.open.set()
            await batcher.drain()

    return ran(play()), engine


@settings(max_examples=30, deadline=None)
@given(
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=40),
    most=st.integers(4, 9),
    engines=st.integers(1, 3),
    wait_ms=st.sampled_from([0.0, 1.0]),
)
def test_each_gets_its_own_rows(counts: list[int], most: int, engines: int, wait_ms: float) -> None:
    async def ask(batcher: Batcher, _: Engine) -> list[Outputs]:
        asked = [batcher.infer(rows_of(n, count), count) for n, count in enumerate(counts)]
        return [outputs for outputs, _ in await asyncio.gather(*asked)]

    answers, engine = played(Batching(most=most, wait_ms=wait_ms), ask, engines)
    for number, (count, answer) in enumerate(zip(counts, answers, strict=True)):
        assert np.array_equal(answer["y"], np.full((count, 2), 2.0 * number, np.float32))
    assert sum(engine.sizes) == sum(counts) and max(engine.sizes) <= most


def test_two_sessions_that_leave_a_large_one_for_later_lose_none() -> None:
    """Each finds one that no longer fits its batch, before either is done."""

    async def ask(batcher: Batcher, engine: Engine) -> list[Outputs]:
        engine.open.clear()
        asked = []
        for number, count in enumerate([3, 3, 2, 3, 2, 3]):
            asked.append(asyncio.create_task(batcher.infer(rows_of(number, count), count)))
            await asyncio.sleep(0.02)
        engine.open.set()
        return [outputs for outputs, _ in await asyncio.gather(*asked)]

    answers, _ = played(Batching(most=4, wait_ms=500, timeout_ms=5000), ask, engines=2)
    assert [answer["y"][0, 0] for answer in answers] == [0, 2, 4, 6, 8, 10]


def test_what_waits_together_runs_together() -> None:
    async def ask(batcher: Batcher, engine: Engine) -> None:
        engine.open.clear()
        first = asyncio.create_task(batcher.infer(rows_of(0)))
        await asyncio.sleep(0.05)  # it runs now
        others = [asyncio.create_task(batcher.infer(rows_of(n))) for n in range(1, 6)]
        await asyncio.sleep(0.05)
        engine.open.set()
        timings = [timing for _, timing in await asyncio.gather(first, *others)]
        assert [timing.rows for timing in timings] == [1, 4, 4, 4, 4, 1]
        assert timings[1].queued_ms > 20

    _, engine = played(Batching(most=4), ask)
    assert engine.sizes == [1, 4, 1]


def test_too_many_are_refused_at_once_and_the_others_are_answered() -> None:
    async def ask(batcher: Batcher, engine: Engine) -> list[object]:
        engine.open.clear()
        asked = [asyncio.create_task(batcher.infer(rows_of(n))) for n in range(10)]
        await asyncio.sleep(0.05)
        engine.open.set()
        return list(await asyncio.gather(*asked, return_exceptions=True))

    found, _ = played(Batching(queue=4), ask)
    assert [isinstance(one, Overloaded) for one in found] == [False] * 4 + [True] * 6


def test_one_that_waits_too_long_is_refused_and_never_run() -> None:
    async def ask(batcher: Batcher, engine: Engine) -> None:
        engine.open.clear()
        first = asyncio.create_task(batcher.infer(rows_of(1)))
        await asyncio.sleep(0.02)
        with pytest.raises(TooLate):
            await batcher.infer(rows_of(2))
        with pytest.raises(TooLate):
            await first
        assert batcher.waiting == 2, "the one that runs, and one that is passed over next"
        engine.open.set()

    _, engine = played(Batching(timeout_ms=50), ask)
    assert engine.sizes == [1]


def test_a_run_that_fails_fails_its_batch_alone() -> None:
    async def ask(batcher: Batcher, _: Engine) -> None:
        with pytest.raises(ValueError, match="negative"):
            await batcher.infer(rows_of(-1))
        answer, _ = await batcher.infer(rows_of(3))
        assert answer["y"][0, 0] == 6

    played(Batching(), ask)


def test_those_that_vanish_are_passed_over() -> None:
    async def ask(batcher: Batcher, engine: Engine) -> None:
        engine.open.clear()
        running = asyncio.create_task(batcher.infer(rows_of(0)))
        await asyncio.sleep(0.02)
        gone = asyncio.create_task(batcher.infer(rows_of(1)))
        last = asyncio.create_task(batcher.infer(rows_of(2)))
        await asyncio.sleep(0.02)
        gone.cancel()
        await asyncio.sleep(0.02)
        engine.open.set()
        await running
        assert (await last)[0]["y"][0, 0] == 4

    _, engine = played(Batching(), ask)
    assert engine.sizes == [1, 1]


def test_draining_answers_what_waits_and_takes_nothing_more() -> None:
    async def ask(batcher: Batcher, engine: Engine) -> None:
        engine.open.clear()
        asked = [asyncio.create_task(batcher.infer(rows_of(n))) for n in range(3)]
        await asyncio.sleep(0.02)
        draining = asyncio.create_task(batcher.drain())
        await asyncio.sleep(0.02)
        with pytest.raises(Stopping):
            await batcher.infer(rows_of(9))
        engine.open.set()
        assert [(await one)[0]["y"][0, 0] for one in asked] == [0, 2, 4]
        await draining

    started = time.monotonic()
    played(Batching(), ask)
    assert time.monotonic() - started < 8


def test_a_lone_request_is_run_on_the_loop_and_one_beside_it_in_its_thread() -> None:
    """Several that are read in one turn: the queue sees all but the first."""
    threads: list[int] = []

    def engine(feeds: Feeds) -> Outputs:
        threads.append(threading.get_ident())
        return {"y": feeds["x"]}

    async def ask() -> int:
        batcher = Batcher([engine], Batching(queue=2), inline=Inline.IDLE)
        asked = [batcher.ask(rows_of(n)) for n in (1.0, 2.0, 3.0)]
        was_there = [answer.done() for answer in asked]
        with pytest.raises(Overloaded):
            batcher.ask(rows_of(4.0))
        answers = await asyncio.gather(*asked)
        await asyncio.sleep(0)
        assert batcher.ask(rows_of(5.0)).done() and was_there == [True, False, False]
        await batcher.drain()
        assert [found["y"][0, 0] for found, _ in answers] == [1, 2, 3]
        return threading.get_ident()

    loop = ran(ask())
    assert [one == loop for one in threads] == [True, False, False, True]


def test_answers_leave_before_a_lone_request_holds_the_loop() -> None:
    """One that is read in the turn in which another's run ends goes to the thread."""

    async def ask() -> bool:
        engine, behind = Engine(), list[asyncio.Future[tuple[Outputs, Timing]]]()
        held = list[bool]()
        batcher = Batcher([engine], Batching(), inline=Inline.IDLE)
        batcher.ask(rows_of(1.0))
        engine.open.clear()
        first, ended = batcher.ask(rows_of(2.0)), batcher._ended

        def ended_and_asked(*args: Any) -> None:
            ended(*args)
            if not behind:
                behind.append(batcher.ask(rows_of(3.0)))
                held.append(behind[0].done())

        batcher._ended = ended_and_asked  # type: ignore[method-assign]
        engine.open.set()
        await first
        answered = await behind[0]
        await batcher.drain()
        return held == [False] and bool(answered[0]["y"][0, 0] == 6)

    assert ran(ask())


@pytest.mark.parametrize(
    ("batching", "run_s", "when"),
    [
        (Batching(), 1e-5, Inline.ALWAYS),
        (Batching(), 2e-3, Inline.IDLE),
        (Batching(), 0.1, Inline.NEVER),
        (Batching(sessions=2), 1e-5, Inline.NEVER),
        (Batching(most=4), 1e-5, Inline.NEVER),
        (Batching(pinned=True), 1e-5, Inline.NEVER),
    ],
)
def test_only_what_is_short_runs_on_the_loop(
    batching: Batching, run_s: float, when: Inline
) -> None:
    assert batching.inline(run_s) is when
