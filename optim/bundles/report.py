"""A self-contained HTML report of one trial: figures, charts and what they rest on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from optim.build import PassReport
from optim.evalset import EvalSet
from optim.findings import Interval
from optim.judging.quality import Quality
from optim.metrics.base import find_metric
from optim.model import Model
from optim.recipe import Recipe
from optim.studies.trial import Trial
from optim.targets import all_targets
from optim.timing.measurement import BASELINE, CANDIDATE, Measurement, Summary
from optim.timing.stats import summarize

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2733; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } code { overflow-wrap: anywhere; }
th, td { text-align: left; padding: .2rem 1.2rem .2rem 0; vertical-align: top; }
th { font-weight: 600; white-space: nowrap; } .note { color: #5b6875; }
"""
_CHOSEN, _OTHER, _BASELINE = "#1f8fc0", "#8593a3", "#c05a1f"
_FEW_RUNS = 2000


@dataclass(frozen=True)
class ChartPoint:
    """One trial in the chart: latency in ms and the metric's value, with their intervals.

    `hardware` is what an estimate is for; empty for what was measured on this machine.
    """

    label: str
    latency: Interval
    quality: Interval
    hardware: str
    chosen: bool
    baseline: bool


@dataclass(frozen=True)
class Findings:
    """What is known of one measured trial: what a bundle holds and a report shows."""

    original: Model
    evalset: EvalSet
    recipe: Recipe
    optimized: Model
    reports: tuple[PassReport, ...]
    measurement: Measurement
    quality: Quality
    points: tuple[ChartPoint, ...] = ()

    @cached_property
    def summary(self) -> Summary:
        """The statistics, derived from the raw samples."""
        return summarize(self.measurement)


def chart_points(trials: Iterable[Trial], chosen: int) -> tuple[ChartPoint, ...]:
    """The points of all trials that have a latency and a quality."""
    return tuple(
        ChartPoint(
            label=trial.recipe.spelling,
            latency=latency,
            quality=_quality_interval(trial.quality),
            hardware="" if trial.summary else _hardware(trial.target),
            chosen=trial.number == chosen,
            baseline=trial.recipe.is_baseline,
        )
        for trial in trials
        if trial.quality and (latency := _latency(trial))
    )


def _hardware(target: str) -> str:
    known = all_targets().get(target)
    return known.title if known else target


def _latency(trial: Trial) -> Interval | None:
    if trial.summary:
        return trial.summary.p50_ms
    if trial.estimate and not trial.estimate.refused:
        return Interval(
            value=trial.estimate.value, low=trial.estimate.low, high=trial.estimate.high
        )
    return None


def _quality_interval(quality: Quality) -> Interval:
    low, high = (quality.baseline_value + end for end in quality.difference_ci)
    return Interval(value=quality.value, low=min(low, quality.value), high=max(high, quality.value))


def report_html(findings: Findings) -> str:
    """The whole page; it loads nothing from elsewhere."""
    name, recipe = escape(findings.original.name), escape(findings.recipe.spelling)
    parts = [
        f"<h1>{name}: {escape(headline(findings))}</h1>",
        f"<p><code>{recipe}</code></p>",
        _section("Figures", _table(_figures(findings))),
        _chart_section(findings),
        _section("Run times", _html(_run_times(findings)), _how_timed(findings)),
        _section("What each pass did", _table(_passes(findings.reports)) or "<p>No passes.</p>"),
        _section("Warnings", _warnings(findings)),
        _section("Environment", _table(_environment(findings))),
        _section("Contents", _table(_contents(findings))),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def headline(findings: Findings) -> str:
    """Speed-up and verdict in one line."""
    speedup = findings.summary.speedup
    return f"{speedup.value:.2f} times as fast. {findings.quality.verdict}"


def _section(title: str, *content: str) -> str:
    return f"<h2>{escape(title)}</h2>{''.join(content)}"


def _chart_section(findings: Findings) -> str:
    if not findings.points:
        return ""
    return _section("Latency against quality", _html(_trade_off(findings)))


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = (f"<tr><th>{escape(key)}</th><td>{escape(value)}</td></tr>" for key, value in rows)
    return f"<table>{''.join(cells)}</table>" if rows else ""


def _figures(findings: Findings) -> list[tuple[str, str]]:
    summary, quality = findings.summary, findings.quality
    metric, drift = find_metric(quality.metric), quality.fidelity
    rows = [
        ("Speed-up", _shown(summary.speedup, "x") + ", against the original on ONNX Runtime"),
        *((key, _shown(value, " ms")) for key, value in summary.percentiles.items()),
        ("Original, p50", f"{summary.baseline_p50_ms:.3g} ms"),
        ("Throughput", f"{summary.throughput_per_s:.4g} runs per s"),
        (metric.title, f"{metric.show(quality.value)} on {quality.n:,} samples"),
        ("Original's", metric.show(quality.baseline_value)),
        ("Verdict", quality.verdict),
        ("Cosine to the original", f"{drift.cosine:.6f}"),
        ("SQNR", "no noise" if drift.sqnr_db is None else f"{drift.sqnr_db:.1f} dB"),
        ("Largest error", f"{drift.max_error:.3g}"),
        ("File size", f"{findings.optimized.size_bytes / 1e6:.3g} MB"),
        ("Original's file size", f"{findings.original.size_bytes / 1e6:.3g} MB"),
    ]
    if summary.peak_memory_mb is not None:
        rows.append(("Peak memory", f"{summary.peak_memory_mb:.4g} MB"))
    if drift.top1_agreement is not None:
        rows.append(("Same top class", f"{100 * drift.top1_agreement:.2f} %"))
    return rows


def _shown(interval: Interval, unit: str) -> str:
    low, high = f"{interval.low:.3g}", f"{interval.high:.3g}"
    return f"{interval.value:.3g}{unit} (95 % interval {low} to {high})"


def _how_timed(findings: Findings) -> str:
    summary = findings.summary
    return (
        f'<p class="note">{summary.runs:,} runs in {summary.processes} processes, in rounds that '
        "alternate with the original.</p>"
    )


def _trade_off(findings: Findings) -> go.Figure:
    figure = go.Figure()
    named: set[str] = set()
    for point in findings.points:
        colour = _CHOSEN if point.chosen else _BASELINE if point.baseline else _OTHER
        kind = f"estimate for {point.hardware}" if point.hardware else "measured"
        whose = "this trial" if point.chosen else "baseline" if point.baseline else "other trial"
        name = f"{whose}, {kind}"
        figure.add_scatter(
            x=[point.latency.value],
            y=[point.quality.value],
            error_x=_bars(point.latency),
            error_y=_bars(point.quality),
            mode="markers",
            name=name,
            legendgroup=name,
            showlegend=name not in named,
            marker={
                "color": colour,
                "size": 12 if point.chosen else 9,
                "symbol": "circle-open" if point.hardware else "circle",
            },
            hovertext=escape(f"{point.label} ({kind})"),
        )
        named.add(name)
    figure.update_xaxes(title="p50 latency, ms")
    figure.update_yaxes(title=find_metric(findings.quality.metric).title)
    return _plain(figure)


def _bars(interval: Interval) -> dict[str, object]:
    return {
        "array": [interval.high - interval.value],
        "arrayminus": [interval.value - interval.low],
        "color": "#8593a388",
        "thickness": 1.2,
    }


def _run_times(findings: Findings) -> go.Figure:
    figure = go.Figure()
    for arm, name, colour in ((BASELINE, "original", _BASELINE), (CANDIDATE, "this", _CHOSEN)):
        for number, part in enumerate(findings.measurement.slices, 1):
            runs = [run / 1e6 for block in part.arms[arm] for run in block]
            step = max(1, len(runs) // _FEW_RUNS)
            figure.add_box(
                y=runs[::step],
                x=[f"process {number}"] * len(runs[::step]),
                name=name,
                legendgroup=name,
                showlegend=number == 1,
                marker={"color": colour, "size": 2},
                offsetgroup=name,
            )
    figure.update_layout(boxmode="group")
    figure.update_yaxes(title="ms per run", type="log")
    return _plain(figure)


def _plain(figure: go.Figure) -> go.Figure:
    figure.update_layout(template="plotly_white", height=420, margin={"t": 20, "r": 20})
    return figure


def _html(figure: go.Figure) -> str:
    config = {"displaylogo": False, "responsive": True}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=config))


def _passes(reports: Iterable[PassReport]) -> list[tuple[str, str]]:
    return [
        (report.name, " ".join(report.notes) or ("Changed." if report.modified else "No change."))
        for report in reports
    ]


def _warnings(findings: Findings) -> str:
    found = [*findings.summary.warnings, *findings.quality.warnings]
    items = "".join(f"<li>{escape(warning.text)}</li>" for warning in found)
    return f"<ul>{items}</ul>" if found else "<p>None.</p>"


def _environment(findings: Findings) -> list[tuple[str, str]]:
    first = findings.measurement.slices[0]
    return [*first.environment.items(), *first.facts.items()]


def _contents(findings: Findings) -> list[tuple[str, str]]:
    evalset = findings.evalset
    return [
        ("Original", findings.original.digest),
        ("Optimized model", findings.optimized.digest),
        ("EvalSet", evalset.digest),
        ("Samples", " ".join((evalset.split_note, *evalset.notes))),
        ("Recipe", findings.recipe.digest),
    ]
