"""When to stop timing: the one rule that trials, replays and the evidence in `bench` follow."""

from collections.abc import Callable
from math import ceil

from pydantic import BaseModel, ConfigDict

from optim.findings import Interval
from optim.settings import settings
from optim.timing.measurement import Measurement, Slice
from optim.timing.stats import ENOUGH_PROCESSES, speedup_of


class StoppingRule(BaseModel):
    """Slices of these lengths until the speed-up is known well, or the time is spent.

    The first slice is short, so that a first point comes soon, and never longer than the budget.
    All in seconds of timing, without what loading and warming up take.
    """

    model_config = ConfigDict(frozen=True)

    first_seconds: float = 0.6
    slice_seconds: float = 1.5
    budget_seconds: float = 11.0
    half_width: float = 0.02
    """Of the speed-up's interval, as a share of the speed-up."""

    @classmethod
    def of_settings(cls) -> "StoppingRule":
        """The rule with the settings' budget."""
        return cls(budget_seconds=settings().trial_seconds)

    @property
    def most_slices(self) -> int:
        """How many fit in the budget; the one that ends it is begun."""
        return 1 + max(0, ceil((self.budget_seconds - self.first_seconds) / self.slice_seconds))

    def seconds(self, taken: int) -> float:
        """Length of the next slice after this many."""
        return self.slice_seconds if taken else min(self.first_seconds, self.budget_seconds)

    def enough(self, processes: int, speedup: Interval) -> bool:
        """Whether no further slice is wanted after so many processes."""
        return processes >= self.most_slices or self.precise(processes, speedup)

    def precise(self, processes: int, speedup: Interval) -> bool:
        """Whether more slices would hardly help."""
        return processes >= ENOUGH_PROCESSES and speedup.half_width <= self.half_width


def measured(rule: StoppingRule, take: Callable[[int, float], Slice]) -> Measurement:
    """Slices until the rule has enough.

    Args:
        take: takes the slice of this number and length in s.
    """
    measurement = Measurement()
    while True:
        number = len(measurement.slices)
        measurement = measurement.plus(take(number, rule.seconds(number)))
        if rule.enough(number + 1, speedup_of(measurement)):
            return measurement
