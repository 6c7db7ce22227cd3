"""Judging that stops as soon as the loss is known to lie within a limit, or beyond it.

It looks at 64 samples, 128, 256 and so on, and at all of them. Either conclusion is wrong in at
most 5 % of tries: 2.5 % at the last look, whose interval is the one that is shown, and 2.5 %
divided evenly among the looks before it (Bonferroni's inequality, so whatever their dependence).
"""

from collections.abc import Sequence
from math import ceil, log
from typing import Literal

from optim.findings import Interval
from optim.judging.paired import LEVEL, difference
from optim.metrics.base import Metric
from optim.metrics.support.rows import Rows

ERROR = 0.05
"""Share of tries in which stopping early may conclude what is wrong, in either direction."""
FIRST_LOOK = 64
"""Samples."""

Conclusion = Literal["within", "beyond", ""]


def looks(total: int) -> tuple[int, ...]:
    """After how many of `total` samples to look."""
    early = []
    count = FIRST_LOOK
    while count < total:
        early.append(count)
        count *= 2
    return (*early, total)


def level_of(look: int, planned: Sequence[int]) -> float:
    """The level of the two-sided interval at this one of the planned looks."""
    if look == planned[-1]:
        return LEVEL
    return 1 - 2 * (ERROR / 2) / (len(planned) - 1)


def samples_telling(limit: float | None, total: int) -> int:
    """On about how many of `total` samples a loss of nothing is known to lie within a limit.

    Where n of n are alike, 1 - (1 - level)/2 of all are alike but for a share of -ln((1 - level)/2)
    / n (the binomial's exact interval; Clopper and Pearson, 1934).
    """
    return min(total, ceil(-log((1 - LEVEL) / 2) / limit)) if limit else total


def loss_at(metric: Metric, baseline: Rows, rows: Rows, level: float = LEVEL) -> Interval:
    """The loss with its interval, in the unit that limits are given in; see `Metric.loss`."""
    found = difference(metric, baseline, rows, level)
    span = Interval(value=found.size, low=found.low, high=found.high)
    return metric.loss(span, found.baseline)


def conclusion(loss: Interval, limit: float) -> Conclusion:
    """What an interval says of a limit; nothing where it contains it."""
    if loss.high <= limit:
        return "within"
    return "beyond" if loss.low > limit else ""


def out_of_reach(loss: Interval, limit: float, growth: float) -> bool:
    """Whether so many times as many samples will hardly tell: an interval shrinks with the root of
    their number, and with the number itself only where nothing was lost and nothing won."""
    low, high = (loss.value + (end - loss.value) / growth for end in (loss.low, loss.high))
    return low <= limit < high
