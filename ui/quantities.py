"""Everything measured or judged that can be an axis, a column or a line: one table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from optim.findings import Interval
from optim.metrics.base import Metric, find_metric
from optim.studies.trial import Trial
from optim.timing.measurement import Summary
from ui import text

LATENCY, QUALITY, SPEEDUP = "p50", "quality", "speedup"


@dataclass(frozen=True)
class Quantity:
    """One quantity of a trial. `get` gives its value and 95 % interval, None where unknown."""

    name: str
    title: str
    unit: str
    higher_is_better: bool
    get: Callable[[Trial], Interval | None]
    show: Callable[[float], str]
    so_far: str = ""
    """What it is known on, while that is not all of it."""

    @property
    def axis(self) -> str:
        """Title of an axis that shows it."""
        title = f"{self.title}, {self.unit}" if self.unit else self.title
        return f"{title} ({self.so_far})" if self.so_far else title


def quantities(metric: str, trials: Iterable[Trial] = ()) -> dict[str, Quantity]:
    """Every quantity by name, for a study that is judged by `metric`.

    Args:
        trials: those shown together. Some may be judged on fewer samples so far, on which the
            original scores otherwise; all qualities are shown as the original's on most samples
            plus the trial's own paired difference, so that they can be compared.
    """
    judged = find_metric(metric)
    judgements = [trial.quality for trial in trials if trial.quality]
    fullest = max(judgements, key=lambda quality: quality.n, default=None)
    original = fullest.baseline_value if fullest else None
    share = judged.unit == "%"
    quality = Quantity(
        QUALITY,
        judged.title,
        judged.unit,
        judged.higher_is_better,
        lambda trial: _quality(trial, original, judged),
        lambda value: judged.show(value / 100 if share else value),
        f"on {fullest.n:,} samples so far" if fullest and not fullest.complete else "",
    )
    return {quantity.name: quantity for quantity in (*_TIMES, quality, *_OTHERS)}


def _latency(trial: Trial) -> Interval | None:
    if trial.summary:
        return trial.summary.p50_ms
    if trial.estimate and not trial.estimate.refused:
        found = trial.estimate
        return Interval(value=found.value, low=found.low, high=found.high)
    return None


def _percentile(name: str) -> Callable[[Trial], Interval | None]:
    return lambda trial: trial.summary.percentiles.get(name) if trial.summary else None


def _summary(get: Callable[[Summary], float | None]) -> Callable[[Trial], Interval | None]:
    return lambda trial: _exact(get(trial.summary)) if trial.summary else None


def _quality(trial: Trial, original: float | None, metric: Metric) -> Interval | None:
    if trial.quality is None:
        return None
    found, (low, high) = trial.quality, trial.quality.difference_ci
    start = found.baseline_value if original is None else original
    scale = 100 if metric.unit == "%" else 1
    low, value, high = (
        scale * min(max(start + change, metric.least), metric.most)
        for change in (min(low, high), found.difference, max(low, high))
    )
    return Interval(value=value, low=low, high=high)


def _exact(value: float | None) -> Interval | None:
    return None if value is None else Interval(value=value, low=value, high=value)


def _megabytes(value: float) -> str:
    return text.size(value * 1e6)


_TIMES = (
    Quantity(LATENCY, "Latency (p50)", "ms", False, _latency, text.milliseconds),
    *(
        Quantity(p, f"Latency ({p})", "ms", False, _percentile(p), text.milliseconds)
        for p in ("p90", "p95", "p99")
    ),
    Quantity(
        SPEEDUP,
        "Speed-up",
        "×",
        True,
        lambda trial: trial.summary.speedup if trial.summary else None,
        lambda value: f"{value:.2f}×",
    ),
    Quantity(
        "throughput",
        "Throughput",
        "runs/s",
        True,
        _summary(lambda s: s.throughput_per_s),
        lambda value: f"{value:,.0f} runs/s",
    ),
)
_OTHERS = (
    Quantity(
        "memory",
        "Peak memory",
        "MB",
        False,
        _summary(lambda s: s.peak_memory_mb),
        _megabytes,
    ),
    Quantity(
        "size",
        "Model size",
        "MB",
        False,
        lambda t: _exact(t.size_bytes / 1e6 if t.size_bytes else None),
        _megabytes,
    ),
    Quantity("load", "Load time", "ms", False, _summary(lambda s: s.load_ms), text.milliseconds),
    Quantity(
        "first_run",
        "First run",
        "ms",
        False,
        _summary(lambda s: s.first_run_ms),
        text.milliseconds,
    ),
)
