"""What raw timings say: intervals, percentiles and warnings, derived afresh from the samples.

**The unit of replication is the process.** Runs in one process share its memory layout and the
minute it ran in, so a thousand of them are worth little more than one when asked how fast the
next process will be. Per slice there is one number: the 20 % trimmed mean over rounds of
`log(baseline block median / candidate block median)`. The interval is Student's t over those
numbers, and never narrower than two others:

- the same with a *moderated* variance (Smyth 2004, "Linear models and empirical Bayes methods",
  section 3): averaged with a prior that counts as `_PRIOR_COUNT` more slices of spread
  `_RATIO_SPREAD`. A trial stops as soon as its interval is narrow, which favours spreads that
  look small by chance; this keeps such luck from being believed. With one slice the prior is all
  there is; that interval is wide, and called provisional. The prior is twice as wide for models
  whose weights no cache holds: how these lie in memory sets processes further apart.
- what the rounds inside the slices imply (Yuen's standard error of a trimmed mean, 1974).

Simulated with the stopping rule of `stopping`, it covers the truth in 94.5 % of tries or
more for every spread between processes.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import special  # scipy.stats takes a second or two to import

from optim.errors import StepError
from optim.findings import Interval
from optim.runtimes.base import COMPILE_SECONDS
from optim.timing.cautions import cautions
from optim.timing.measurement import (
    BASELINE,
    CANDIDATE,
    MODEL_BYTES,
    SINGLE_THREAD,
    Measurement,
    Slice,
    Summary,
)

ENOUGH_PROCESSES = 3
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}

_LEVEL = 0.95
_TRIM = 0.2
_PRIOR_COUNT = 3
_RATIO_SPREAD = 0.025  # of log ratios between processes, one standard deviation
_CACHED_BYTES = 32_000_000  # what a core may hope to keep of a last-level cache
_UNCACHED = 2  # 4 to 5 % were seen between processes of a model of 302 MB, timed against itself
_TIME_SPREAD = 0.03  # of log times between processes

Floats = NDArray[np.float64]


def summarize(measurement: Measurement) -> Summary:
    """Everything that is derived from the samples. Raises StepError where there are none."""
    slices = measurement.slices
    if not slices or not all(piece.arms.get(CANDIDATE) for piece in slices):
        raise StepError("There are no timings to summarize.", "Measure again.", "measure")
    runs = np.concatenate([np.concatenate(piece.arms[CANDIDATE]) for piece in slices]) / 1e6
    p50, speedup = _time(slices, CANDIDATE), _ratio(slices, BASELINE, CANDIDATE)
    threaded = all(SINGLE_THREAD in piece.arms for piece in slices)
    summary = Summary(
        p50_ms=p50,
        percentiles={"p50": p50} | _tail_percentiles(runs, p50),
        throughput_per_s=1e3 / float(runs.mean()),
        speedup=speedup,
        gain=_ratio(slices, SINGLE_THREAD if threaded else BASELINE, CANDIDATE),
        thread_gain=_ratio(slices, SINGLE_THREAD, BASELINE) if threaded else None,
        baseline_p50_ms=p50.value * speedup.value,
        load_ms=_typical([piece.load_ms for piece in slices]),
        first_run_ms=_typical([piece.first_run_ms for piece in slices]),
        peak_memory_mb=_typical([piece.peak_memory_mb for piece in slices]),
        compile_s=_compile_seconds(slices),
        runs=len(runs),
        processes=len(slices),
        provisional=len(slices) < ENOUGH_PROCESSES,
        contention=float(np.median([piece.contention for piece in slices])),
    )
    return summary.model_copy(update={"warnings": cautions(slices, summary)})


def _compile_seconds(slices: Sequence[Slice]) -> float | None:
    """What compiling took, as the first child to open the model wrote it down."""
    told = [piece.facts[COMPILE_SECONDS] for piece in slices if COMPILE_SECONDS in piece.facts]
    return float(told[0]) if told else None


def speedup_of(measurement: Measurement) -> Interval:
    """The speed-up alone: all that a stopping rule asks for, at a fraction of `summarize`."""
    return _ratio(measurement.slices, BASELINE, CANDIDATE)


def _ratio(slices: Sequence[Slice], over: str, under: str) -> Interval:
    """How many times faster `under` is than `over`, paired by round."""
    logs = [np.log(piece.block_medians(over) / piece.block_medians(under)) for piece in slices]
    return ratio_interval(logs, large=_is_large(slices))


def ratio_interval(logs: Sequence[Floats], large: bool = False) -> Interval:
    """95 % interval of a ratio, from its logs [processes][rounds].

    Args:
        large: the weights are more than caches hold, which sets processes further apart.
    """
    return _interval(logs, _RATIO_SPREAD * (_UNCACHED if large else 1))


def _is_large(slices: Sequence[Slice]) -> bool:
    """Whether the original's weights are read from memory in every run, since no cache has them."""
    return any(int(piece.environment.get(MODEL_BYTES, 0)) > _CACHED_BYTES for piece in slices)


def _time(slices: Sequence[Slice], arm: str) -> Interval:
    """Median time of a run in ms: what the next process may be expected to see."""
    return _interval([np.log(piece.block_medians(arm)) for piece in slices], _TIME_SPREAD)


def _interval(logs: Sequence[Floats], spread: float) -> Interval:
    """95 % interval over processes for the mean of `logs` [slices][rounds], as exp."""
    means, errors = np.array([_trimmed(rounds) for rounds in logs]).T
    count, own = len(means), len(means) - 1
    squares = float(((means - means.mean()) ** 2).sum())
    moderated = np.sqrt((_PRIOR_COUNT * spread**2 + squares) / (_PRIOR_COUNT + own) / count)
    inside = np.sqrt((errors**2).sum()) / count
    # Of one slice with few rounds even the error inside is hardly known.
    freedom = _PRIOR_COUNT + own if own else max(1, min(_PRIOR_COUNT, len(logs[0]) - 1))
    reach = _t(freedom) * max(moderated, inside)
    if len(means) >= ENOUGH_PROCESSES:  # the spread of two says next to nothing
        reach = max(reach, _t(own) * np.sqrt(squares / own / count))
    centre = means.mean()
    low, value, high = np.exp([centre - reach, centre, centre + reach]).tolist()
    return Interval(value=value, low=low, high=high)


@cache
def _t(freedom: int) -> float:
    return float(special.stdtrit(freedom, (1 + _LEVEL) / 2))


def _trimmed(rounds: Floats) -> tuple[float, float]:
    """Trimmed mean of independent rounds and its standard error (Yuen 1974); 0 for one round."""
    count = len(rounds)
    cut = int(_TRIM * count)
    ordered = np.sort(rounds)
    mean = float(ordered[cut : count - cut].mean())
    if count < 2:
        return mean, 0.0
    winsorized = np.clip(ordered, ordered[cut], ordered[count - 1 - cut])
    return mean, float(winsorized.std(ddof=1) / ((1 - 2 * cut / count) * np.sqrt(count)))


def _tail_percentiles(runs: Floats, p50: Interval) -> dict[str, Interval]:
    """Percentiles above the median that this many runs support, in the unit of `runs`.

    A distribution-free interval (order statistics, Conover, "Practical Nonparametric
    Statistics", 3.2) that exists only for enough runs: 36 for p90, 72 for p95, 368 for p99.
    It is widened to the relative width of the p50's, since it cannot see that processes differ.
    """
    ordered = np.sort(runs)
    found = {}
    for name, quantile in QUANTILES.items():
        below = special.bdtr(np.arange(len(runs) + 1.0), len(runs), quantile)
        ranks = np.searchsorted(below, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
        low, high = int(ranks[0]) - 1, int(ranks[1])
        if name == "p50" or low < 0 or high >= len(runs):
            continue
        value = float(np.quantile(ordered, quantile))
        found[name] = Interval(
            value=value,
            low=min(float(ordered[low]), value * p50.low / p50.value),
            high=max(float(ordered[high]), value * p50.high / p50.value),
        )
    return found


def _typical(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None
