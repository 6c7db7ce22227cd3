"""The experiments of a server: each in a thread, with the machine to itself, and what they found.

Where each stands is in memory, for every session to see. The latest outcome of a lesson stays until
the server ends; a new run takes its place when it is done.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from optim.errors import Cancelled, OptimError
from optim.learning.lesson import Lesson
from optim.learning.outcome import Outcome
from optim.running.placement import sentence
from optim.running.queue import Queue

_logger = logging.getLogger(__name__)
_MOST_REMEMBERED = 200


@dataclass(frozen=True)
class Run:
    """One lesson's experiment: what it does now, or what it came to.

    `number` tells runs of one lesson apart. `outcome` is the latest there is, also while the next
    is under way.
    """

    number: int = 0
    under_way: bool = False
    doing: str = ""
    share: float = 0.0
    outcome: Outcome | None = None
    decided: int = 0
    """The number of the run that the outcome is of."""
    error: str = ""


class Experiments:
    """Starts, stops and shows experiments. Thread-safe; one per server.

    Args:
        queue: gives the queue that the machine is taken from meanwhile.
    """

    def __init__(self, queue: Callable[[], Queue]) -> None:
        self._queue = queue
        self._runs: dict[str, Run] = {}
        self._stops: dict[str, threading.Event] = {}
        self._lock = threading.RLock()
        self.changes = 0
        """How often anything that it shows has changed."""

    def of(self, lesson: Lesson) -> Run:
        """Where the lesson's experiment stands."""
        return self._runs.get(lesson.name, Run())

    def start(self, lesson: Lesson) -> int:
        """Run it, unless it is under way. Returns the number of the run."""
        with self._lock:
            run = self.of(lesson)
            if run.under_way:
                return run.number
            while len(self._runs) >= _MOST_REMEMBERED:
                self._runs.pop(next(iter(self._runs)))
            self._stops[lesson.name] = threading.Event()
            waiting = "waiting for the machine"
            number = run.number + 1
            self._change(
                lesson,
                replace(run, number=number, under_way=True, doing=waiting, share=0.0, error=""),
            )
        threading.Thread(
            target=self._run, args=(lesson,), name=f"lesson {lesson.name}", daemon=True
        ).start()
        return number

    def stop(self, lesson: Lesson) -> None:
        """End it; what was found before stays."""
        with self._lock:
            if stop := self._stops.get(lesson.name):
                stop.set()

    def close(self) -> None:
        """End all of them."""
        for stop in list(self._stops.values()):
            stop.set()

    def _run(self, lesson: Lesson) -> None:
        stop = self._stops[lesson.name]
        outcome: Outcome | None = None
        error = ""

        def tell(doing: str, share: float) -> None:
            self._change(lesson, replace(self.of(lesson), doing=doing, share=share))

        try:
            with self._queue().hold(stop.is_set):
                outcome = lesson.experiment.run(tell, stop.is_set)
        except Cancelled:
            error = "It was stopped."
        except OptimError as caught:
            error = str(caught)
        except Exception as caught:
            _logger.exception("experiment of the lesson %s", lesson.name)
            error = sentence(caught)
        with self._lock:
            del self._stops[lesson.name]
            ended = replace(self.of(lesson), under_way=False, doing="", error=error)
            if outcome:
                ended = replace(ended, outcome=outcome, decided=ended.number)
            self._change(lesson, ended)

    def _change(self, lesson: Lesson, run: Run) -> None:
        with self._lock:
            self._runs[lesson.name] = run
            self.changes += 1
