"""How pictures and outcomes are drawn: colours that read on light and dark, one look for all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from typing import Any

import plotly.graph_objects as go

from optim.learning.outcome import Figure, Outcome
from optim.learning.question import Question, Slider
from optim.showing.chart import ACCENT, GREY

WARM, GREEN, VIOLET, RED = "#c98a2b", "#5d8f58", "#9b6fae", "#c4544a"
COLOURS = (ACCENT, WARM, GREEN, VIOLET, RED, GREY)
HEIGHT = 300
_FAINT = "rgba(133,147,163,0.25)"
_LONGEST_WORD = 8
_PITCH = 80  # of rows, in pixels: a box, two lines of a name, and a line of a tensor
_LONGEST_LINE = 24
_LOG_ROOM = 1.1  # decades
_LETTER = 0.045  # of the bars' part of the axis
_ABOVE = 0.34  # rows: higher than a box, lower than the names of the row above
_ROOM = 1.3  # right of the longest bar, for its figure


def laid(figure: go.Figure, x: str = "", y: str = "", height: int = HEIGHT) -> go.Figure:
    """A figure with the margins, titles and legend that all have."""
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        font={"size": 13},
    )
    figure.update_xaxes(title=x, automargin=True, gridcolor=_FAINT)
    figure.update_yaxes(title=y, automargin=True, gridcolor=_FAINT)
    return figure


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    axis: str,
    *,
    spans: Sequence[tuple[float, float]] = (),
    hollow: Sequence[bool] = (),
    said: Sequence[str] = (),
    log: bool = False,
) -> go.Figure:
    """Lying bars, the first on top.

    Args:
        spans: low and high of each one's interval.
        hollow: which are estimates.
        said: what stands beside each.
    """
    empty = hollow or [False] * len(labels)
    error: dict[str, Any] | None = None
    if spans:
        error = {
            "array": [high - value for value, (_, high) in zip(values, spans, strict=True)],
            "arrayminus": [value - low for value, (low, _) in zip(values, spans, strict=True)],
            "color": GREY,
            "thickness": 2,
        }
    drawn = go.Bar(
        y=[_wrapped(label) for label in labels],
        x=values,
        orientation="h",
        text=said,
        textposition="outside" if not spans else "none",
        error_x=error,
        showlegend=False,
        marker={
            "color": ["rgba(0,0,0,0)" if one else ACCENT for one in empty],
            "line": {"color": ACCENT, "width": 2},
        },
        hovertemplate="%{y}: %{x:.4g}<extra></extra>",
    )
    figure = laid(go.Figure(drawn), axis, height=90 + 34 * len(labels))
    if spans:
        _name_ends(figure, labels, values, spans, said)
    top = max([*values, *(high for _, high in spans)])
    figure.update_xaxes(type="log" if log else "linear")
    least = min([*values, *(low for low, _ in spans)])
    figure.update_xaxes(
        range=_in_decades(least, top, said)
        if log
        else [min(0.0, least * _ROOM), max(0.0, top * _ROOM) or 1.0]
    )
    return figure.update_yaxes(autorange="reversed", showgrid=False)


def _wrapped(label: str) -> str:
    """A long recipe over two lines, so that a phone has room for its bar."""
    passes, plus, engine = escape(label).rpartition(" + ")
    return f"{passes}<br>+ {engine}" if plus and len(label) > _LONGEST_LINE else escape(label)


def _in_decades(least: float, top: float, said: Sequence[str]) -> list[float]:
    """From below the least to where the figure beyond the longest bar ends."""
    low, high = log10(least / 1.5), log10(top)
    letters = max(map(len, said), default=0)
    return [low, high + max(_LOG_ROOM, letters * _LETTER * (high - low))]


def _name_ends(
    figure: go.Figure,
    labels: Sequence[str],
    values: Sequence[float],
    spans: Sequence[tuple[float, float]],
    said: Sequence[str],
) -> None:
    """Each bar's figure beyond its interval, where nothing crosses it."""
    shown = said or [f"{value:.3g}" for value in values]
    figure.add_scatter(
        y=[_wrapped(label) for label in labels],
        x=[high for _, high in spans],
        mode="text",
        text=[f"  {text}" for text in shown],
        textposition="middle right",
        cliponaxis=False,  # on a phone its end is wider than the room beyond the longest bar
        hoverinfo="skip",
        showlegend=False,
    )


def outcome_chart(outcome: Outcome, figure: str = "") -> go.Figure:
    """What an experiment compared, each bar with its interval; estimates are hollow.

    Args:
        figure: the one that was asked for, which the bars are to show.
    """
    drawn = outcome.drawn(figure)
    shown = drawn.bars
    span = [bar.value.value for bar in shown]
    return bars(
        [bar.label for bar in shown],
        span,
        drawn.axis,
        spans=[(bar.value.low, bar.value.high) for bar in shown],
        hollow=[bar.estimated for bar in shown],
        log=min(span) > 0 and max(span) / min(span) > 50,
    )


@dataclass(frozen=True)
class Box:
    """A node of a small graph."""

    name: str
    op: str
    reads: Sequence[str]
    writes: Sequence[str]
    hover: str = ""


def graph(boxes: Sequence[Box], colours: Mapping[str, str], per_row: int = 6) -> go.Figure:
    """Nodes in the order they run, left to right and row by row; lines are tensors.

    Args:
        colours: operator -> colour; others are grey.
    """
    places = {box.name: (at % per_row, -(at // per_row)) for at, box in enumerate(boxes)}
    maker = {tensor: box.name for box in boxes for tensor in box.writes}
    edges = [(maker[tensor], box.name) for box in boxes for tensor in box.reads if tensor in maker]
    figure = go.Figure()
    for start, end in edges:
        _edge(figure, places[start], places[end])
    figure.add_scatter(
        x=[places[box.name][0] for box in boxes],
        y=[places[box.name][1] for box in boxes],
        mode="markers+text",
        text=[_short(box.op) for box in boxes],
        textposition="bottom center",
        marker={
            "size": 22,
            "symbol": "square",
            "color": [colours.get(box.op, GREY) for box in boxes],
        },
        hovertext=[f"{box.op}<br>{escape(box.hover or box.name)}" for box in boxes],
        hoverinfo="text",
        showlegend=False,
    )
    rows = 1 - min(place[1] for place in places.values())
    laid(figure, height=90 + _PITCH * rows)
    figure.update_xaxes(visible=False, range=[-0.6, per_row - 0.4])
    return figure.update_yaxes(visible=False, range=[-rows + 0.3, 0.6])


def _short(op: str) -> str:
    """An operator's name in two lines at most, for a phone; pointing at it tells the whole."""
    name = op.replace("Normalization", "Norm")
    first, *others = re.findall("[A-Z]?[^A-Z]+|[A-Z]+", name) or [name]
    lines = [first, "".join(others)] if len(name) > _LONGEST_WORD else [name]
    return "<br>".join(escape(_cut(line)) for line in lines if line)


def _cut(line: str) -> str:
    return line if len(line) <= _LONGEST_WORD else f"{line[: _LONGEST_WORD - 1]}…"


def _edge(figure: go.Figure, start: tuple[int, int], end: tuple[int, int]) -> None:
    """A line that crosses no box and no name."""
    across, up = _way(start, end)
    figure.add_scatter(
        x=across,
        y=up,
        mode="lines",
        line={"color": GREY, "width": 1.5, "shape": "spline" if start[1] == end[1] else "linear"},
        hoverinfo="skip",
        showlegend=False,
    )


def _way(start: tuple[int, int], end: tuple[int, int]) -> tuple[list[float], list[float]]:
    """Its points: in its row straight, or bent over others; to a later row between the columns,

    then between the names of the row above and the boxes.
    """
    if start[1] == end[1]:
        bent = end[0] - start[0] > 1
        return [start[0], (start[0] + end[0]) / 2, end[0]], [
            start[1], start[1] + (_ABOVE if bent else 0), end[1]
        ]  # fmt: skip
    beside, over = start[0] + 0.5, end[1] + _ABOVE
    return [start[0], beside, beside, end[0], end[0]], [start[1], start[1], over, over, end[1]]


def coloured(ops: Sequence[str]) -> dict[str, str]:
    """A colour for each of the operators met most, the same however often it is asked."""
    counts = {op: -sum(other == op for other in ops) for op in ops}
    order = sorted(counts, key=lambda op: (counts[op], op))
    return dict(zip(order, COLOURS[:-1], strict=False))


def guesses_chart(question: Question, guesses: Sequence[float], found: Figure | None) -> go.Figure:
    """How many guessed what; once it was measured, what is right and the interval.

    Args:
        found: what was measured, None as long as it was not.
    """
    if question.slider:
        return _guessed_numbers(question.slider, guesses, found)
    places = range(len(question.choices))
    counts = [sum(int(guess) == place for guess in guesses) for place in places]
    right = question.fitting(found.value) if found else []
    labels = [
        f"{choice.text}{' ◀ measured' if place in right else ''}"
        for place, choice in enumerate(question.choices)
    ]
    figure = bars(labels, counts, "guesses", said=[str(count) for count in counts])
    figure.update_traces(marker_color=[GREEN if p in right else ACCENT for p in places])
    top = max([*counts, 4]) * _ROOM
    return figure.update_xaxes(range=[0, top], dtick=max(1, round(top / 8)))


def _guessed_numbers(slider: Slider, guesses: Sequence[float], found: Figure | None) -> go.Figure:
    width = max(slider.step, (slider.high - slider.low) / 24)
    bins = {"start": slider.low, "end": slider.high + width, "size": width}
    figure = go.Figure(go.Histogram(x=list(guesses), xbins=bins, marker={"color": ACCENT}))
    laid(figure, "guess", "guesses", 240)
    high = slider.high
    if found:
        value = found.value
        figure.add_vrect(x0=value.low, x1=value.high, fillcolor=GREEN, opacity=0.3, line_width=0)
        line = {"color": GREEN, "width": 3}
        figure.add_vline(x=value.value, line=line, annotation_text="measured")
        high = max(high, value.high)
    figure.update_yaxes(dtick=1, rangemode="tozero")
    return figure.update_xaxes(range=[slider.low - width, high + width])
