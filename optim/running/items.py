"""Trials under way: which goes first, and how long they will still take."""

import time
from collections import deque
from collections.abc import Sequence
from statistics import fmean

from distributed import Future
from pydantic import BaseModel, ConfigDict

from optim.running.steps import StepKind, next_step
from optim.studies.study import Study
from optim.studies.trial import Progress, Trial
from optim.timing.stopping import StoppingRule

AUTOMATIC = frozenset({"start", "explore", "search"})
"""Origins of trials that nobody asked for one by one."""
WAITING = "waiting"
"""The phase of a trial in the queue that nothing is done for at the moment."""
_REMEMBERED_STEPS = 20
_TURN = 1e-3  # so that a thousand turns still weigh less than who asked
_BEHIND = {True: 1.5, False: 1e2}
"""How far slow builds come behind: those that were asked for behind all other first steps, those
that were not behind all that tighten, too."""
_SLOW_SECONDS = 15.0
_MOST_TRIES = 3
"""Of a slow build: then it keeps the machine, so that it comes to an end."""


class QueueItem(BaseModel):
    """A trial in the queue. Position 0 runs.

    `seconds_left` is the expected time until its first point, or, if it has one, until it is done;
    None before there is a step to go by.
    """

    model_config = ConfigDict(frozen=True)

    study: str
    number: int
    recipe: str
    position: int
    phase: str
    seconds_left: float | None


class Item:
    """A trial under way."""

    def __init__(self, study: Study, trial: Trial, order: int, turn: int) -> None:
        self.study, self.trial, self.order, self.turn = study, trial, order, turn
        self.progress: Progress = trial.progress
        """At first what an interrupted trial has left it, if it goes on with one."""
        self.kind: StepKind = "first"
        if trial.has_point:
            self.kind = next_step(self.progress) or "slice"
        self.future: Future | None = None
        self.phase = ""
        """What its step does; empty while it waits for the machine."""
        self.machine = ""
        """Host of the worker that ran its first step."""
        self.step_started = 0.0
        self.tries = 1
        """How often its present step was sent."""
        self._trains = trial.recipe.most_seconds > _SLOW_SECONDS

    @property
    def key(self) -> tuple[str, int]:
        return self.study.name, self.trial.number

    @property
    def priority(self) -> float:
        """Higher goes first: first steps before tightening ones, then what the user asked for.

        Among equals studies take turns: the n-th trial that one has under way goes with the n-th
        of another, so that nobody waits for all of somebody else's starting set.
        """
        rounds = len(self.progress.slices) + (self.kind == "judge")
        asked = self.trial.origin not in AUTOMATIC
        return -2 * rounds + asked - _TURN * self.turn - _BEHIND[asked] * self.slow

    @property
    def slow(self) -> bool:
        """Whether its step is a build of minutes, as training is."""
        return self._trains and self.kind == "first"

    @property
    def gives_way(self) -> bool:
        """Whether it is a slow build that runs, and may begin anew later."""
        return self.phase.startswith("building") and self.slow and self.tries < _MOST_TRIES

    def slices_left(self, rule: StoppingRule) -> int:
        """At most."""
        return max(0, rule.most_slices - len(self.progress.slices))


class Pace:
    """How long steps took of late, and so what trials under way will still take."""

    def __init__(self) -> None:
        self._seconds: dict[bool, deque[float]] = {
            first: deque(maxlen=_REMEMBERED_STEPS) for first in (True, False)
        }

    def took(self, kind: StepKind, seconds: float) -> None:
        """Remember a step."""
        self._seconds[kind == "first"].append(seconds)

    def seconds_left(self, items: Sequence[Item]) -> list[float | None]:
        """Of each, in one pass: first steps come first, then all that tighten take turns.

        Of slow builds none is told.
        """
        first, later = (fmean(kept) if kept else None for kept in self._seconds.values())
        if first is None:
            return [None] * len(items)
        rule = StoppingRule.of_settings()
        elapsed = max((time.monotonic() - i.step_started for i in items if i.phase), default=0.0)
        tightening = sum(i.kind != "first" for i in items)
        left: list[float | None] = []
        firsts = 0
        for item in items:
            if item.slow:
                left.append(None)
                continue
            firsts += item.kind == "first"
            seconds = first * firsts - elapsed
            if item.kind != "first":
                seconds += (later or rule.slice_seconds) * tightening * item.slices_left(rule)
            left.append(max(0.0, seconds))
        return left
