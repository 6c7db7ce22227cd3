"""A self-contained HTML report of one trial: figures, charts and what they rest on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from optim.build import PassReport
from optim.evalset import EvalSet
from optim.judging.quality import Quality
from optim.model import Model
from optim.recipe import Recipe
from optim.showing.chart import ACCENT, GREY, trade_off
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
_FEW_RUNS = 2000
_HOW_READ = '<p class="note">In brackets: the 95 % interval.</p>'
_HOW_DRAWN = (
    '<p class="note">Ringed: this trial. Bars: 95 % intervals. The line is the front: what nothing '
    "else clearly beats, by ratios paired with the original. Hollow: an estimate. Qualities judged "
    "on fewer samples stand at their difference from the original's on most.</p>"
)


@dataclass(frozen=True)
class Findings:
    """What is known of one measured trial: what a bundle holds and a report shows.

    `trials` are those of its study, for the chart; `number` says which of them it is.
    """

    original: Model
    evalset: EvalSet
    recipe: Recipe
    optimized: Model
    reports: tuple[PassReport, ...]
    measurement: Measurement
    quality: Quality
    trials: tuple[Trial, ...] = ()
    number: int | None = None

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
        f"<h1>{name}: {escape(headline(findings))}</h1>",
        f"<p><code>{recipe}</code></p>",
        _section("Figures", _figures(findings), _HOW_READ),
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
    plane = default_plane(findings.quality.metric, findings.trials)
    drawn = marks(findings.trials, plane)
    if not drawn:
        return ""
    figure = trade_off(drawn, *plane.axes(), findings.number, front=plane.front_name)
    return _section("Latency against quality", _html(_on_paper(figure)), _HOW_DRAWN)


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


def _contents(findings: Findings) -> list[tuple[str, ...]]:
    evalset, original = findings.evalset, findings.original
    return [
        ("Original", original.digest, size(original.size_bytes)),
        ("Optimized model", findings.optimized.digest, size(findings.size_bytes)),
        ("EvalSet", evalset.digest),
        ("Samples", " ".join((evalset.split_note, *evalset.notes))),
        ("Recipe", findings.recipe.digest),
    ]
