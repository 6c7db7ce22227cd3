"""A server's experiments: one at a time for a lesson, seen by all, stopped and failed in words."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import pytest
from support.study_tools import wait_for

from optim.errors import Cancelled, StepError
from optim.findings import Interval
from optim.learning.experiment import Experiment
from optim.learning.experimenting import Experiments
from optim.learning.lesson import Lesson, find_lesson
from optim.learning.outcome import Bar, Figure, Outcome, here

GO = threading.Event()


class _Stub(Experiment):
    """Waits until it may go on."""

    title: ClassVar[str] = "Waits"
    figures: ClassVar[tuple[str, ...]] = ("speedup",)
    fails: str = ""

    @property
    def does(self) -> str:
        return "Waits."

    def run(self, tell: object = None, cancelled: Callable[[], bool] = lambda: False) -> Outcome:
        while not GO.wait(0.01):
            if cancelled():
                raise Cancelled("Cancelled.", "")
        if self.fails:
            raise StepError(self.fails, "Try another.", "experiment")
        value = Interval(value=2, low=1.9, high=2.1)
        figure = Figure(title="Speed-up", value=value, unit="×")
        return here(figures={"speedup": figure}, bars=[Bar(label="a", value=value)])


class _Queue:
    @contextmanager
    def hold(self, cancelled: Callable[[], bool]) -> Iterator[None]:
        yield


@pytest.fixture
def running() -> Iterator[Experiments]:
    GO.clear()
    made = Experiments(lambda: _Queue())  # type: ignore[arg-type,return-value]
    yield made
    made.close()


def lesson(fails: str = "") -> Lesson:
    return find_lesson("quantization").model_copy(update={"experiment": _Stub(fails=fails)})


def test_a_run_that_is_under_way_is_joined_and_the_next_has_another_number(
    running: Experiments,
) -> None:
    one = lesson()
    first = running.start(one)
    assert running.start(one) == first
    assert running.of(one).under_way and running.of(one).outcome is None
    GO.set()
    wait_for(lambda: not running.of(one).under_way)
    assert running.of(one).decided == first
    GO.clear()
    longer = one.experiment.longer()
    second = running.start(one, longer)
    assert second > first and running.of(one).of == one.experiment
    assert running.of(one).outcome and running.of(one).decided == first  # the one before stays
    GO.set()
    wait_for(lambda: running.of(one).decided == second)
    assert running.of(one).of == longer


def test_longer_is_in_more_processes_as_long_as_there_are_more() -> None:
    once = lesson().experiment.longer()
    assert once and once.processes > lesson().experiment.processes
    twice = once.longer()
    assert twice and twice.longer() is None
    for settled in ("hardware", "distillation"):  # no more timing narrows what is wide there
        assert find_lesson(settled).experiment.longer() is None


def test_a_stopped_one_says_so_and_finds_nothing(running: Experiments) -> None:
    one = lesson()
    running.start(one)
    running.stop(one)
    wait_for(lambda: not running.of(one).under_way)
    assert running.of(one).error == "It was stopped." and running.of(one).outcome is None


def test_a_failed_one_is_a_sentence(running: Experiments) -> None:
    one = lesson(fails="The engine refused it.")
    GO.set()
    running.start(one)
    wait_for(lambda: bool(running.of(one).error))
    assert running.of(one).error == "experiment: The engine refused it. Try another."
