"""Percentiles with intervals that need no assumption on how latencies are distributed.

The interval of a quantile is between two order statistics: the number of samples below the true
quantile is binomial (Conover, Practical Nonparametric Statistics, section 3.2; limits after
Clopper and Pearson). Latencies behind each other in one queue are alike, so they count as fewer:
their number is divided by the integrated autocorrelation time of "it was above the quantile"
(Sokal 1997, windowed as there). Where even the highest sample is no upper limit, there are not
enough.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special  # scipy.stats takes a second or two to import

from optim.findings import Interval

_LEVEL = 0.95
_WINDOW = 5
Numbers = NDArray[np.float64]


def percentile(values: Numbers, share: float) -> Interval | None:
    """The quantile `share` of values in their order in time; None: not enough samples.

    Infinite values are requests that were never answered; where the upper limit is one of those,
    it is infinite.
    """
    count = len(values)
    if count < 2:
        return None
    ordered = np.sort(values)
    middle = float(ordered[min(count - 1, int(share * count))])
    effective = count / _correlation_time(values > middle)
    if effective < enough(share):
        return None
    low, high = _limits(share * effective, effective)
    low_at, high_at = int(low * count), min(count - 1, int(np.ceil(high * count)))
    return Interval(value=middle, low=float(ordered[low_at]), high=float(ordered[high_at]))


def within(values: Numbers, limit: float, share: float) -> bool | None:
    """Whether the quantile `share` is at most `limit`; None: these samples leave it open.

    Counts those over the limit. That tells more than the quantile's interval where a machine that
    stood still for a moment makes the slowest samples of one piece: they say little of where the
    quantile is, and much of how few are over a limit that is far from the others.
    """
    if len(values) < 2:
        return None
    over = values > limit
    effective = len(values) / _correlation_time(over)
    low, high = _limits(float(over.mean()) * effective, effective)
    if low <= 1 - share < high:
        return None
    return bool(high <= 1 - share)


def enough(share: float) -> int:
    """How many independent samples a quantile takes to have an interval: 368 for the p99."""
    rarer = max(share, 1 - share)
    return int(np.ceil(np.log((1 - _LEVEL) / 2) / np.log(rarer)))


def _limits(hits: float, tries: float) -> tuple[float, float]:
    """Where the share of hits is, after Clopper and Pearson."""
    tail = (1 - _LEVEL) / 2
    low = special.betaincinv(hits, tries - hits + 1, tail) if hits else 0.0
    return low, special.betaincinv(hits + 1, max(tries - hits, 1e-9), 1 - tail)


def _correlation_time(above: NDArray[np.bool_]) -> float:
    """How many samples in a row say as much as one; 1 where they are independent."""
    centred = above - above.mean()
    count, variance = len(centred), float(centred @ centred)
    if variance == 0:
        return 1.0
    spectrum = np.abs(np.fft.rfft(centred, 2 * count)) ** 2
    correlation = np.fft.irfft(spectrum)[:count] / variance
    times = 2 * np.cumsum(correlation) - 1
    ends = np.flatnonzero(np.arange(count) >= _WINDOW * times)
    return float(max(1.0, times[ends[0] if len(ends) else -1]))
