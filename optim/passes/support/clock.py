"""How far a training is, which is given seconds or steps."""

import math
import time

_FIRST = 0.1  # share of the training in which it is found out how many steps fit
_LATE = 2.5  # times the seconds given, after which it ends wherever it is
_LOOKS = 40  # in the whole training


class Clock:
    """How far a training is. Where only seconds are given, the steps that fit are told by those in
    their first tenth, in which nothing depends on how many they will be: given as many steps,
    another training goes exactly the same way.

    What the first step takes says nothing of the others: libraries load what they need in it.
    """

    def __init__(self, seconds: float, steps: int) -> None:
        self._seconds, self._given, self._total = seconds, bool(steps), steps
        self._started = time.monotonic()
        self._warm_seconds = 0.0

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._started

    @property
    def _late(self) -> bool:
        return self.seconds > _LATE * self._seconds

    def over(self, step: int) -> bool:
        """Whether to end before this step."""
        if step == 1 and not self._warm_seconds:
            self._warm_seconds = self.seconds
        if not self._total and step > 1 and self.seconds > _FIRST * self._seconds:
            self._total = self._fitting(step)
        return (not self._given and self._late) or bool(self._total and step >= self._total)

    def _fitting(self, step: int) -> int:
        """The steps that fit by the pace so far, and never so few that these were over a tenth."""
        pace = (self.seconds - self._warm_seconds) / (step - 1)
        left = (self._seconds - self.seconds) / pace if pace else 0.0
        return max(round(step / _FIRST), round(step + left))

    def done(self, step: int) -> float:
        """From 0 to 1; 0 in the first tenth."""
        return max(0.0, step / self._total - _FIRST) / (1 - _FIRST) if self._total else 0.0

    def share(self, step: int) -> float:
        """How much of the training is done, from 0 to 1."""
        return step / self._total if self._total else 0.0

    def look(self, step: int) -> bool:
        """Whether to look at the held-back samples after this many steps."""
        if not self._total:
            return False
        return step > _FIRST * self._total and step % max(1, self._total // _LOOKS) == 0

    def planned(self, step: int) -> int:
        """The steps that make another training go the same way."""
        return step if self._late or not self._total else self._total


def wave(done: float) -> float:
    """Down as a cosine, from 1 to 0."""
    return 0.5 * (1 + math.cos(math.pi * done))
