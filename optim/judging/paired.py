"""Paired differences: the same samples answered by two models, and how sure the difference is."""

from dataclasses import dataclass

import numpy as np
from scipy import special  # scipy.stats takes a second to import, in every judging child

from optim.metrics.base import Metric
from optim.metrics.support.rows import Rows

RESAMPLES = 1000
_SEED = 0
_CHUNK = 2_000_000
LEVEL = 0.95


@dataclass(frozen=True)
class Difference:
    """Two models' values of a metric, `value - baseline` with its 95 % interval and p-value."""

    value: float
    baseline: float
    low: float
    high: float
    p_value: float

    @property
    def size(self) -> float:
        """The difference itself."""
        return self.value - self.baseline


def difference(metric: Metric, baseline: Rows, rows: Rows, level: float = LEVEL) -> Difference:
    """Compare two models on the same samples, given their rows [n, k] in the same order.

    The interval holds the truth in this share of tries.

    Where a sample is right or wrong: McNemar's exact test and Bonett and Price's interval.
    Elsewhere: the bootstrap over samples, both models on the same resamples. Equal rows differ by
    nothing, with an interval of no width: the two models answered alike.
    """
    rows, baseline = metric.decided(rows, baseline), metric.decided(baseline, baseline)
    once = np.ones((1, len(rows)))
    value = float(metric.aggregate(rows, once)[0])
    original = float(metric.aggregate(baseline, once)[0])
    if np.array_equal(rows, baseline, equal_nan=True) and not metric.right_or_wrong:
        return Difference(value, original, 0.0, 0.0, 1.0)
    if metric.right_or_wrong:
        lost = int(np.sum((baseline[:, 0] == 1) & (rows[:, 0] == 0)))
        won = int(np.sum((baseline[:, 0] == 0) & (rows[:, 0] == 1)))
        low, high = proportion_interval(won, lost, len(rows), level)
        return Difference(value, original, low, high, mcnemar(won, lost))
    return Difference(value, original, *_bootstrap(metric, baseline, rows, level))


def mcnemar(won: int, lost: int) -> float:
    """Exact two-sided p-value of McNemar's test (1947): the discordant pairs are a fair coin."""
    return min(1.0, 2 * float(special.bdtr(min(won, lost), won + lost, 0.5)))


def proportion_interval(
    won: int, lost: int, count: int, level: float = LEVEL
) -> tuple[float, float]:
    """Interval of a difference of paired proportions, (won - lost) / count.

    Bonett and Price 2012, "Adjusted Wald confidence interval for a difference of binomial
    proportions based on paired data". Never of no width: few samples cannot show that nothing
    was lost.
    """
    up, down = (won + 1) / (count + 2), (lost + 1) / (count + 2)
    half = _reach(level) * float(np.sqrt((up + down - (up - down) ** 2) / (count + 2)))
    return max(-1.0, up - down - half), min(1.0, up - down + half)


def _reach(level: float) -> float:
    """Standard errors from the middle of a two-sided normal interval to its ends."""
    return float(special.ndtri((1 + level) / 2))


def _bootstrap(
    metric: Metric, baseline: Rows, rows: Rows, level: float
) -> tuple[float, float, float]:
    """Low, high and two-sided p-value of the difference over resamples.

    Percentiles; at other levels than 95 %, which so few resamples cannot tell, the normal reach.
    """
    count = len(rows)
    random = np.random.default_rng(_SEED)
    drawn = []
    at_once = max(1, _CHUNK // count)
    for start in range(0, RESAMPLES, at_once):
        weights = _resampled(min(at_once, RESAMPLES - start), count, random)
        drawn.append(metric.aggregate(rows, weights) - metric.aggregate(baseline, weights))
    values = np.concatenate(drawn)
    low, high = np.percentile(values, [2.5, 97.5])
    if level != LEVEL:
        reach = _reach(level) * float(values.std())
        low, high = values.mean() - reach, values.mean() + reach
    tail = min(np.sum(values <= 0), np.sum(values >= 0))
    return float(low), float(high), float(min(1.0, 2 * (tail + 1) / (len(values) + 1)))


def _resampled(resamples: int, count: int, random: np.random.Generator) -> Rows:
    """How often each of `count` samples is drawn, [resamples, count]; every row adds to count."""
    chosen = random.integers(0, count, (resamples, count))
    chosen += np.arange(resamples)[:, None] * count
    counts = np.bincount(chosen.ravel(), minlength=resamples * count)
    return counts.reshape(resamples, count).astype(np.float64)
