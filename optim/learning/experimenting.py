"""The experiments of a server: each in a thread, with the machine to itself, and what they found.

Where each stands is in memory, for every session to see. The latest outcome of a lesson stays until
the server ends; a new run takes its place when it is done.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from optim.learning.experiment import Experiment
from optim.learning.lesson import Lesson
from optim.learning.outcome import Outcome
from optim.running.background import WAITING, Background, Ended
from optim.running.queue import Queue

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
    of: Experiment | None = None
    """What that run was, in its extent."""
    error: str = ""


class Experiments:
    """Starts, stops and shows experiments. Thread-safe; one per server.

    Args:
        queue: gives the queue that the machine is taken from meanwhile.
    """

    def __init__(self, queue: Callable[[], Queue]) -> None:
        self._work = Background(queue)
        self._runs: dict[str, Run] = {}
        self.changes = 0
        """How often anything that it shows has changed."""

    def of(self, lesson: Lesson) -> Run:
        """Where the lesson's experiment stands."""
        return self._runs.get(lesson.name, Run())

    def start(self, lesson: Lesson, experiment: Experiment | None = None) -> int:
        """Run it, unless it is under way. Returns the number of the run.

        Args:
            experiment: the lesson's own in another extent, such as its `longer`.
        """
        asked = experiment or lesson.experiment
        found: list[Outcome] = []

        def tell(doing: str, share: float) -> None:
            self._change(lesson, replace(self.of(lesson), doing=doing, share=share))

        def work(stopped: Callable[[], bool]) -> None:
            found.append(asked.run(tell, stopped))

        def ended(how: Ended) -> None:
            error = "It was stopped." if how.stopped else how.error
            now = replace(self.of(lesson), under_way=False, doing="", error=error)
            for outcome in found:
                now = replace(now, outcome=outcome, decided=now.number, of=asked)
            self._change(lesson, now)

        with self._work.lock:
            run = self.of(lesson)
            if run.under_way:
                return run.number
            while len(self._runs) >= _MOST_REMEMBERED:
                self._runs.pop(next(iter(self._runs)))
            number = run.number + 1
            self._change(
                lesson,
                replace(run, number=number, under_way=True, doing=WAITING, share=0.0, error=""),
            )
            self._work.start(lesson.name, f"lesson {lesson.name}", work, ended)
        return number

    def stop(self, lesson: Lesson) -> None:
        """End it; what was found before stays."""
        self._work.stop(lesson.name)

    def close(self) -> None:
        """End all of them."""
        self._work.close()

    def _change(self, lesson: Lesson, run: Run) -> None:
        with self._work.lock:
            self._runs[lesson.name] = run
            self.changes += 1
