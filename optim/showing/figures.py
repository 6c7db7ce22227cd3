"""Every figure of a trial, in one table: what it is called, how it reads, where it is shown.

A new figure is one more entry of `FIGURES`: it appears wherever its entry says, and nowhere else.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf
from typing import Any

from optim.findings import Interval
from optim.judging.fidelity import Fidelity
from optim.judging.quality import Quality
from optim.metrics.base import Metric, find_metric
from optim.showing import text
from optim.showing.figure import Known, Reading, TrialFigure, Where
from optim.timing.measurement import Summary

LATENCY, QUALITY, SPEEDUP = "p50", "quality", "speedup"
Value = Interval | float | None


@dataclass(frozen=True)
class Scoring:
    """How figures are shown together: qualities by which metric, and on which samples the original
    was judged; and `slowest`, the longest of the times, in ms."""

    metric: Metric
    fullest: Quality | None
    slowest: float = inf

    @property
    def original(self) -> float | None:
        """The original's score on the most samples."""
        return self.fullest.baseline_value if self.fullest else None

    @property
    def time(self) -> dict[str, Any]:
        """The unit of times on axes and in columns, and how many of it are a ms."""
        unit, scale = text.time_unit(self.slowest)
        return {"unit": unit, "scale": scale}


def figures(metric: str, shown: Iterable[Known] = ()) -> dict[str, TrialFigure]:
    """Every figure by name, for trials that are judged by `metric`.

    Args:
        shown: the trials shown together. Some may be judged on fewer samples so far, on which the
            original scores otherwise; all qualities are shown as the original's on most samples
            plus the trial's own paired difference, so that they can be compared.
    """
    shown = list(shown)
    judgements = [known.quality for known in shown if known.quality]
    fullest = max(judgements, key=lambda quality: quality.n, default=None)
    slowest = max((time.value for known in shown if (time := _latency(known))), default=inf)
    scoring = Scoring(find_metric(metric), fullest, slowest)
    found = (entry if isinstance(entry, TrialFigure) else entry(scoring) for entry in FIGURES)
    return {figure.name: figure for figure in found}


def figures_for(where: Where, metric: str, shown: Iterable[Known] = ()) -> dict[str, TrialFigure]:
    """Those that a place shows, in their order."""
    return {name: f for name, f in figures(metric, shown).items() if f.where & where}


def lines(
    where: Where, metric: str, known: Known, shown: Iterable[Known] = ()
) -> list[tuple[TrialFigure, str]]:
    """What a place says of one trial: each figure that it has, and how that reads.

    Args:
        shown: the trials that it is shown beside.
    """
    beside = (known, *shown)
    found = ((f, f.text(known)) for f in figures_for(where, metric, beside).values())
    return [(figure, said) for figure, said in found if said]


def _interval(value: Value) -> Interval | None:
    if value is None or isinstance(value, Interval):
        return value
    return Interval(value=value, low=value, high=value)


def _timed(get: Callable[[Summary], Value]) -> Reading:
    return Reading(
        "summary", lambda known: _interval(get(known.summary)) if known.summary else None
    )


def _judged(get: Callable[[Quality], Value]) -> Reading:
    return Reading(
        "quality", lambda known: _interval(get(known.quality)) if known.quality else None
    )


def _drift(get: Callable[[Fidelity], float | None]) -> Reading:
    return _judged(lambda quality: get(quality.fidelity))


def _compressed(known: Known) -> float | None:
    """Bytes of the weights by zstd, where a pass is there to make those fewer."""
    return float(known.reports[-1].compressed_bytes) or None if known.reports else None


def _latency(known: Known) -> Interval | None:
    if known.summary:
        return known.summary.p50_ms
    return known.estimate.interval if known.estimate else None


def _median(scoring: Scoring) -> TrialFigure:
    return TrialFigure(
        LATENCY,
        "Latency (p50)",
        Reading("", _latency, or_estimate=True),
        text.milliseconds,
        ~(Where.LAST_COLUMN | Where.INTERVAL),
        short="p50",
        about="The original's own time over the paired gain: comparable between trials.",
        key="p50_ms",
        ci_key="p50_ci",
        **scoring.time,
    )


def _percentile(name: str) -> Callable[[Scoring], TrialFigure]:
    return lambda scoring: TrialFigure(
        name,
        f"Latency ({name})",
        _timed(lambda summary: summary.percentiles.get(name)),
        text.milliseconds,
        Where.AXIS | Where.PANEL | Where.COMPARE | Where.REPORT,
        **scoring.time,
    )


def _quality(scoring: Scoring) -> TrialFigure:
    metric, fullest = scoring.metric, scoring.fullest
    share = metric.unit == "%"
    return TrialFigure(
        QUALITY,
        metric.title,
        _judged(lambda quality: _score(quality, scoring)),
        metric.show,
        Where.AXIS | Where.COLUMN | Where.PANEL | Where.COMPARE | Where.REPORT | Where.TERMINAL,
        unit=metric.unit,
        scale=100 if share else 1,
        higher_is_better=metric.higher_is_better,
        about=f"On {fullest.n:,} samples." if fullest else "",
        so_far=f"on {fullest.n:,} samples so far" if fullest and not fullest.complete else "",
        least=metric.least,
        most=metric.most,
        key="quality",
    )


def _score(found: Quality, scoring: Scoring) -> Interval:
    """Its value; seen beside others, the original's on most samples plus its own difference."""
    metric, start = scoring.metric, scoring.original
    if start is None or start == found.baseline_value:
        start, value = found.baseline_value, found.value
    else:
        value = _possible(start + found.difference, metric)
    low, high = (_possible(start + change, metric) for change in sorted(found.difference_ci))
    return Interval(value=value, low=min(low, value), high=max(high, value))


def _possible(score: float, metric: Metric) -> float:
    """The nearest score that the metric can have."""
    return min(max(score, metric.least), metric.most)


def _original_quality(scoring: Scoring) -> TrialFigure:
    return TrialFigure(
        "quality_baseline",
        "Original's score",
        _judged(lambda quality: quality.baseline_value),
        scoring.metric.show,
        Where.REPORT,
        key="quality_baseline",
    )


def _difference(scoring: Scoring) -> TrialFigure:
    share = scoring.metric.unit == "%"
    return TrialFigure(
        "quality_difference",
        "Difference in quality",
        _judged(_difference_of),
        (lambda value: f"{100 * value:+z.2f} points") if share else (lambda value: f"{value:+.3g}"),
        Where.PANEL | Where.COMPARE | Where.COLUMN | Where.INTERVAL,
        unit="points" if share else "",
        scale=100 if share else 1,
        short="change",
        column_format="%+.2f" if share else "%+.3g",
        none="none",
        key="quality_difference",
        ci_key="quality_difference_ci",
    )


def _difference_of(quality: Quality) -> Interval:
    low, high = quality.difference_ci
    return Interval(value=quality.difference, low=low, high=high)


def _load(name: str, title: str, get: Callable[[Summary], float | None], key: str) -> TrialFigure:
    where = Where.AXIS | Where.PANEL | Where.COMPARE
    return TrialFigure(name, title, _timed(get), text.milliseconds, where, unit="ms", key=key)


FIGURES: tuple[TrialFigure | Callable[[Scoring], TrialFigure], ...] = (
    TrialFigure(
        SPEEDUP,
        "Speed-up",
        _timed(lambda summary: summary.speedup),
        text.times,
        ~Where.LAST_COLUMN,
        unit="×",
        higher_is_better=True,
        short="speed-up",
        column_format="%.2f",
        about="Against the original on ONNX Runtime as it comes, at the same number of threads.",
        key="speedup",
        ci_key="speedup_ci",
    ),
    _median,
    TrialFigure(
        "baseline_p50",
        "Original beside it (p50)",
        _timed(lambda summary: summary.baseline_p50_ms * summary.slowed),
        text.milliseconds,
        Where.PANEL | Where.COMPARE | Where.REPORT,
        about="As it was timed in turns with this trial: the speed-up compares them.",
    ),
    *(_percentile(name) for name in ("p90", "p95", "p99")),
    TrialFigure(
        "thread_gain",
        "More threads alone",
        _timed(lambda summary: summary.thread_gain),
        text.times,
        Where.PANEL | Where.COMPARE | Where.REPORT,
        about="What the threads give the original; it is not in the speed-up.",
    ),
    TrialFigure(
        "throughput",
        "Throughput",
        _timed(lambda summary: summary.throughput_per_s),
        lambda value: f"{value:,.0f} runs/s",
        Where.AXIS | Where.PANEL | Where.COMPARE | Where.REPORT,
        unit="runs/s",
        higher_is_better=True,
        key="throughput_per_s",
    ),
    _quality,
    _original_quality,
    _difference,
    TrialFigure(
        "memory",
        "Peak memory",
        _timed(lambda summary: summary.peak_memory_mb),
        text.megabytes,
        Where.AXIS | Where.LAST_COLUMN | Where.PANEL | Where.COMPARE | Where.REPORT,
        unit="MB",
        short="memory",
        key="peak_memory_mb",
    ),
    TrialFigure(
        "size",
        "Model size",
        Reading("", lambda known: _interval(known.size_bytes or None)),
        text.size,
        ~(Where.HEADLINE | Where.COLUMN | Where.INTERVAL),
        unit="MB",
        scale=1e-6,
        short="size",
        whole=True,
        key="size_bytes",
    ),
    TrialFigure(
        "compressed",
        "Compressed weights (zstd)",
        Reading("", lambda known: _interval(_compressed(known))),
        text.size,
        Where.PANEL | Where.REPORT,
        unit="MB",
        scale=1e-6,
        whole=True,
    ),
    _load("load", "Load time", lambda summary: summary.load_ms, "load_ms"),
    _load("first_run", "First run", lambda summary: summary.first_run_ms, "first_run_ms"),
    TrialFigure(
        "compile",
        "Compiling",
        _timed(lambda summary: summary.compile_s),
        text.seconds,
        Where.AXIS | Where.LAST_COLUMN | Where.PANEL | Where.COMPARE | Where.REPORT,
        unit="s",
        short="compiling",
        about="Once for each model and machine: what comes of it is kept.",
        key="compile_s",
    ),
    TrialFigure(
        "pays_after",
        "Compiling pays after",
        _timed(lambda summary: summary.pays_after_runs),
        lambda value: f"{value:,.0f} runs",
        Where.AXIS | Where.LAST_COLUMN | Where.PANEL | Where.COMPARE | Where.REPORT,
        unit="runs",
        short="pays after",
        about="Runs whose saved time adds up to what compiling took; empty where none is saved.",
        whole=True,
        key="pays_after_runs",
        ci_key="pays_after_runs_ci",
    ),
    TrialFigure(
        "top1_agreement",
        "Same top class",
        _drift(lambda drift: drift.top1_agreement),
        text.percent,
        Where.PANEL | Where.REPORT,
    ),
    TrialFigure(
        "cosine",
        "Cosine to the original",
        _drift(lambda drift: drift.cosine),
        lambda value: f"{value:.6f}",
        Where.PANEL | Where.REPORT,
    ),
    TrialFigure(
        "sqnr",
        "Signal to noise (SQNR)",
        _drift(lambda drift: drift.sqnr_db),
        lambda value: f"{value:.1f} dB",
        Where.PANEL | Where.REPORT,
    ),
    TrialFigure(
        "max_error",
        "Largest error",
        _drift(lambda drift: drift.max_error),
        lambda value: f"{value:.3g}",
        Where.PANEL | Where.REPORT,
    ),
    TrialFigure(
        "runs",
        "Runs timed",
        _timed(lambda summary: summary.runs),
        text.whole,
        Where.PANEL | Where.REPORT,
        whole=True,
        key="runs",
    ),
    TrialFigure(
        "processes",
        "Processes timed",
        _timed(lambda summary: summary.processes),
        text.whole,
        Where.PANEL | Where.REPORT,
        whole=True,
        key="processes",
    ),
    TrialFigure(
        "samples",
        "Samples judged",
        _judged(lambda quality: quality.n),
        text.whole,
        Where.PANEL | Where.REPORT,
        whole=True,
        key="quality_samples",
    ),
)
