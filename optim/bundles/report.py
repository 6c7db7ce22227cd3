"""A self-contained HTML report of one trial: figures, charts and what they rest on.

It is the same text for the same findings, so that a replay can make it again and compare. What a
browser may run of it are the scripts that it was made with, and it may connect to nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import plotly.graph_objects as go

from optim.build import PassReport
from optim.bundles.html import Part, drawn, on_paper, section, table, whole_page
from optim.evalset import EvalSet
from optim.findings import Caution
from optim.judging.quality import Quality
from optim.model import Model
from optim.recipe import Recipe
from optim.showing.chart import ACCENT, GREY, LOG_AXIS, Axis, Mark, trade_off
from optim.showing.figure import Where
from optim.showing.figures import lines
from optim.showing.points import default_plane, marks
from optim.showing.recorded import recorded
from optim.showing.text import size, timed
from optim.studies.trial import Trial
from optim.timing.beside import beside
from optim.timing.measurement import BASELINE, CANDIDATE, Measurement, Summary
from optim.timing.stats import summarize
from optim.why import whose
from optim.why.shares import Shares

_FEW_RUNS = 2000
_HOW_READ = '<p class="note">In brackets: the 95 % interval.</p>'
_HOW_DRAWN = (
    '<p class="note">Ringed: this trial. Bars: 95 % intervals. The line is the front: what nothing '
    "else clearly beats, by ratios paired with the original. Hollow: an estimate. Qualities judged "
    "on fewer samples stand at their difference from the original's on most.</p>"
)


@dataclass(frozen=True)
class Points:
    """What the report's chart shows: the trials of the study as points, and which is this one."""

    marks: tuple[Mark, ...] = ()
    x: Axis = Axis("", higher_is_better=False)
    y: Axis = Axis("", higher_is_better=False)
    front: str = "front"
    number: int | None = None

    @classmethod
    def of(cls, trials: Sequence[Trial], metric: str, number: int | None) -> "Points":
        """Those of trials, latency against quality."""
        plane = default_plane(metric, trials)
        return cls(tuple(marks(trials, plane)), *plane.axes(), plane.front_name, number)


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
    points: Points = Points()
    cautions: tuple[Caution, ...] = ()
    """What the trial's steps found out beside the figures."""
    shares: Shares | None = None
    """Whose gain it is, where the sub-recipes were measured too."""
    original_ms: float | None = None
    """What the original took in its study by itself on one thread, where it was timed there."""

    @cached_property
    def summary(self) -> Summary:
        """The statistics, derived from the raw samples."""
        timed = summarize(self.measurement)
        return beside(timed, self.original_ms) if self.original_ms else timed

    @property
    def estimate(self) -> None:
        """None: what is exported has been measured."""

    @property
    def finished(self) -> bool:
        """Whether nothing more will be timed: what is exported stays as it is."""
        return True

    @property
    def unsettled(self) -> bool:
        """Whether its runs scatter so that no interval can be told."""
        return self.summary.speedup.vague

    @property
    def size_bytes(self) -> int:
        """The optimized model's."""
        return self.optimized.size_bytes


def report_html(findings: Findings) -> str:
    """The whole page; it loads nothing from elsewhere."""
    name, recipe = escape(findings.original.name), escape(findings.recipe.spelling)
    parts = [
        Part(f"<h1>{name}: {escape(headline(findings))}</h1><p><code>{recipe}</code></p>"),
        section("Figures", _figures(findings), _HOW_READ),
        _chart_section(findings),
        _shares_section(findings),
        section("Run times", drawn(_run_times(findings), "run-times"), _how_timed(findings)),
        section("What each pass did", table(_passes(findings.reports)) or "<p>No passes.</p>"),
        section("Warnings", _warnings(findings)),
        section("Environment", table(_environment(findings))),
        section("Contents", table(_contents(findings))),
    ]
    return whole_page(name, parts)


def headline(findings: Findings) -> str:
    """Speed-up and verdict in one line."""
    gain = f"{findings.summary.speedup.value:.2f} times as fast"
    said = "How fast it is is not settled" if findings.unsettled else gain
    return f"{said}. {findings.quality.verdict}"


def _chart_section(findings: Findings) -> Part:
    points = findings.points
    if not points.marks:
        return Part("")
    figure = trade_off(points.marks, points.x, points.y, points.number, front=points.front)
    return section("Latency against quality", drawn(on_paper(figure), "trade-off"), _HOW_DRAWN)


def _shares_section(findings: Findings) -> Part:
    shares, metric = findings.shares, findings.quality.metric
    if shares is None:
        return Part("")
    said = [*whose.interactions_told(shares, metric), *shares.notes, whose.how_got(shares)]
    notes = "".join(f'<p class="note">{escape(text)}</p>' for text in said)
    figure = drawn(on_paper(whose.drawn(shares, metric)), "shares")
    return section("Whose gain is it", figure, notes)


def _figures(findings: Findings) -> str:
    rows = [
        (figure.title, said, figure.about)
        for figure, said in lines(Where.REPORT, findings.quality.metric, findings)
    ]
    return table([*rows, ("Verdict", findings.quality.verdict)])


def _how_timed(findings: Findings) -> str:
    return (
        f'<p class="note">{timed(findings.summary)}, in rounds that alternate with the '
        "original.</p>"
    )


def _run_times(findings: Findings) -> go.Figure:
    figure, per_ms = go.Figure(), 1e6 * findings.summary.slowed
    for arm, name, colour in ((BASELINE, "original", GREY), (CANDIDATE, "this trial", ACCENT)):
        for number, piece in enumerate(findings.measurement.slices, 1):
            runs = [run / per_ms for block in piece.arms[arm] for run in block]
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
    figure.update_yaxes(LOG_AXIS, title="ms per run")
    return on_paper(figure.update_layout(height=420, margin={"t": 20, "r": 20}))


def _passes(reports: Iterable[PassReport]) -> list[tuple[str, str]]:
    return [
        (report.name, " ".join(report.notes) or ("Changed." if report.modified else "No change."))
        for report in reports
    ]


def _warnings(findings: Findings) -> str:
    found = [*findings.summary.warnings, *findings.quality.warnings, *findings.cautions]
    items = "".join(f"<li>{escape(warning.text)}</li>" for warning in found)
    return f"<ul>{items}</ul>" if found else "<p>None.</p>"


def _environment(findings: Findings) -> list[tuple[str, str]]:
    first = findings.measurement.slices[0]
    return recorded(first.environment | first.facts)


def _contents(findings: Findings) -> list[tuple[str, ...]]:
    evalset, original = findings.evalset, findings.original
    return [
        ("Original", original.digest, size(original.size_bytes)),
        ("Optimized model", findings.optimized.digest, size(findings.size_bytes)),
        ("EvalSet", evalset.digest),
        ("Samples", " ".join((evalset.split_note, *evalset.notes))),
        ("Recipe", findings.recipe.digest),
    ]
