"""A self-contained HTML report of one trial: figures, charts and what they rest on.

It is the same text for the same findings, so that a replay can make it again and compare. What a
browser may run of it are the scripts that it was made with, and it may connect to nothing.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from optim.build import PassReport
from optim.evalset import EvalSet
from optim.findings import Caution
from optim.judging.quality import Quality
from optim.model import Model
from optim.recipe import Recipe
from optim.showing.chart import ACCENT, GREY, Axis, Mark, trade_off
from optim.showing.figure import Where
from optim.showing.figures import lines
from optim.showing.points import default_plane, marks
from optim.showing.text import size, timed
from optim.studies.trial import Trial
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
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)  # as Plotly writes it: "<" is escaped
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

    @cached_property
    def summary(self) -> Summary:
        """The statistics, derived from the raw samples."""
        return summarize(self.measurement)

    @property
    def estimate(self) -> None:
        """None: what is exported has been measured."""

    @property
    def size_bytes(self) -> int:
        """The optimized model's."""
        return self.optimized.size_bytes


def report_html(findings: Findings) -> str:
    """The whole page; it loads nothing from elsewhere."""
    name, recipe = escape(findings.original.name), escape(findings.recipe.spelling)
    parts = [
        _Part(f"<h1>{name}: {escape(headline(findings))}</h1><p><code>{recipe}</code></p>"),
        _section("Figures", _figures(findings), _HOW_READ),
        _chart_section(findings),
        _section("Run times", _drawn(_run_times(findings), "run-times"), _how_timed(findings)),
        _section("What each pass did", _table(_passes(findings.reports)) or "<p>No passes.</p>"),
        _section("Warnings", _warnings(findings)),
        _section("Environment", _table(_environment(findings))),
        _section("Contents", _table(_contents(findings))),
    ]
    content = "".join(part.html for part in parts)
    scripts = [get_plotlyjs(), *(script for part in parts for script in part.scripts)]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{_policy(scripts)}'
        f"<title>{name}</title><style>{_STYLE}</style><script>{scripts[0]}</script></head>"
        f"<body>{content}</body></html>"
    )


@dataclass(frozen=True)
class _Part:
    """A piece of the page, and the scripts that are in it."""

    html: str
    scripts: tuple[str, ...] = ()


def _policy(scripts: Iterable[str]) -> str:
    """A browser runs these scripts only, whatever else has got into the page, and loads nothing."""
    hashes = (base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def headline(findings: Findings) -> str:
    """Speed-up and verdict in one line."""
    speedup = findings.summary.speedup
    return f"{speedup.value:.2f} times as fast. {findings.quality.verdict}"


def _section(title: str, content: str | _Part, note: str = "") -> _Part:
    part = _Part(content) if isinstance(content, str) else content
    return _Part(f"<h2>{escape(title)}</h2>{part.html}{note}", part.scripts)


def _chart_section(findings: Findings) -> _Part:
    points = findings.points
    if not points.marks:
        return _Part("")
    figure = trade_off(points.marks, points.x, points.y, points.number, front=points.front)
    return _section("Latency against quality", _drawn(_on_paper(figure), "trade-off"), _HOW_DRAWN)


def _table(rows: Sequence[Sequence[str]]) -> str:
    return f"<table>{''.join(map(_row, rows))}</table>" if rows else ""


def _row(cells: Sequence[str]) -> str:
    """A name, its value, and a note if there is one."""
    name, value, *notes = map(escape, cells)
    note = "".join(f' <span class="note">{note}</span>' for note in notes if note)
    return f"<tr><th>{name}</th><td>{value}{note}</td></tr>"


def _figures(findings: Findings) -> str:
    rows = [
        (figure.title, said, figure.about)
        for figure, said in lines(Where.REPORT, findings.quality.metric, findings)
    ]
    return _table([*rows, ("Verdict", findings.quality.verdict)])


def _how_timed(findings: Findings) -> str:
    return (
        f'<p class="note">{timed(findings.summary)}, in rounds that alternate with the '
        "original.</p>"
    )


def _run_times(findings: Findings) -> go.Figure:
    figure = go.Figure()
    for arm, name, colour in ((BASELINE, "original", GREY), (CANDIDATE, "this trial", ACCENT)):
        for number, piece in enumerate(findings.measurement.slices, 1):
            runs = [run / 1e6 for block in piece.arms[arm] for run in block]
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
    return _on_paper(figure.update_layout(height=420, margin={"t": 20, "r": 20}))


def _on_paper(figure: go.Figure) -> go.Figure:
    return figure.update_layout(template="plotly_white")


def _drawn(figure: go.Figure, name: str) -> _Part:
    config = {"displaylogo": False, "responsive": True}
    html = figure.to_html(full_html=False, include_plotlyjs=False, config=config, div_id=name)
    return _Part(html, tuple(_SCRIPT.findall(html)))


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
    return [*first.environment.items(), *first.facts.items()]


def _contents(findings: Findings) -> list[tuple[str, ...]]:
    evalset, original = findings.evalset, findings.original
    return [
        ("Original", original.digest, size(original.size_bytes)),
        ("Optimized model", findings.optimized.digest, size(findings.size_bytes)),
        ("EvalSet", evalset.digest),
        ("Samples", " ".join((evalset.split_note, *evalset.notes))),
        ("Recipe", findings.recipe.digest),
    ]
