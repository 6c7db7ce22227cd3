"""Points, bars, rings and fronts as Plotly's traces."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any, get_args

import plotly.graph_objects as go

from optim.findings import Interval
from optim.showing.chart.boxes import Line, joined
from optim.showing.chart.frame import Frame
from optim.showing.chart.marks import ACCENT, BAR, COLOURS, GREY, INK, SYMBOLS, Axis, Mark, MarkKind

_MANY = 30
"""Above so many points bars are drawn for the front, the chosen and the one pointed at."""
_NAMES = {
    "baseline": "original",
    "collapsed": "collapsed",
    "far": "far worse",
    "beyond": "past the axis",
}
_ASIDE = {"collapsed": "x-thin", "far": "line-ns", "beyond": "line-ew"}
Style = tuple[str, str]  # colour, symbol


def styles(marks: Iterable[Mark]) -> dict[str, Style]:
    """A colour and a shape per group, in the order they came: engines from one end, estimates from
    the other. So nobody's changes when another joins.
    """
    marks, found = list(marks), dict[str, Style]()
    pairs = list(zip(COLOURS, SYMBOLS, strict=True))
    for estimated, order in ((False, pairs), (True, pairs[::-1])):
        came = sorted((m.number, m.group) for m in marks if is_estimate(m) is estimated)
        groups = [group for group in dict.fromkeys(g for _, g in came) if group not in found]
        found.update(zip(groups, itertools.cycle(order), strict=False))
    return found


def is_estimate(mark: Mark) -> bool:
    """Whether it was not measured."""
    return mark.kind == "estimate"


def points(
    marks: Sequence[Mark],
    frame: Frame,
    chosen: int | None,
    styled: dict[str, Style],
    scale: float = 1.0,
) -> list[go.Scatter]:
    """A trace for each engine, for the original and for each kind in the strip."""
    few = len(marks) <= _MANY
    traces = []
    for name, part in _by_name(marks).items():
        barred = [mark.placed and (few or mark.on_front or mark.number == chosen) for mark in part]
        traces.append(_points(name, part, styled, frame, barred, scale))
    return traces


def _by_name(marks: Sequence[Mark]) -> dict[str, list[Mark]]:
    found: dict[str, list[Mark]] = {}
    order = get_args(MarkKind)
    for mark in sorted(marks, key=lambda m: (order.index(m.kind), m.group)):
        found.setdefault(_name(mark), []).append(mark)
    return found


def _name(mark: Mark) -> str:
    """What the legend calls it: its engine, unless it stands for something else."""
    return f"{mark.group}, estimate" if is_estimate(mark) else _NAMES.get(mark.kind, mark.group)


def _points(
    name: str,
    marks: Sequence[Mark],
    styled: dict[str, Style],
    frame: Frame,
    barred: Sequence[bool],
    scale: float,
) -> go.Scatter:
    aside = marks[0].aside
    own, shape = styled.get(marks[0].group, (GREY, "circle"))
    colour, shape = (GREY, _ASIDE[marks[0].kind]) if aside else (own, shape)
    hollow = marks[0].kind == "estimate"
    symbols = [_symbol(mark, shape) for mark in marks]
    return go.Scatter(
        name=escape(name),
        **_place(marks, frame),
        mode="markers",
        cliponaxis=False,
        customdata=[[mark.number, *_ends(mark)] for mark in marks],
        hovertext=[_hover(mark) for mark in marks],
        hoverinfo="text",
        error_x=_bars([mark.x for mark in marks], barred) if not aside else None,
        error_y=_bars([mark.y for mark in marks], barred) if not aside else None,
        meta="points",
        showlegend=not marks[0].beyond,  # their strip is named
        marker={
            "color": colour,
            "symbol": symbols,
            "size": [scale * _size(mark) for mark in marks],
            "opacity": [0.5 if mark.kind in ("live", "first") else 1.0 for mark in marks],
            "line": {
                "width": [2.2 if mark.on_front or hollow or aside else 0 for mark in marks],
                "color": [INK if mark.on_front and not hollow else colour for mark in marks],
            },
        },
    )


def _symbol(mark: Mark, shape: str) -> str:
    return {"baseline": "square", "estimate": f"{shape}-open", "first": f"{shape}-open"}.get(
        mark.kind, shape
    )


def _size(mark: Mark) -> int:
    return 15 if mark.on_front else 13 if mark.kind == "baseline" else 10


def _place(marks: Sequence[Mark], frame: Frame) -> dict[str, Any]:
    """Where they stand, on which axes: all in the same strip, or all in none."""
    return {
        "x": [_across(mark, frame) for mark in marks],
        "y": [_height(mark, frame) for mark in marks],
        "xaxis": "x2" if marks[0].beyond else "x",
        "yaxis": "y2" if marks[0].in_strip else "y",
    }


def _across(mark: Mark, frame: Frame) -> float:
    if mark.beyond:
        return 0.5
    return mark.x.value if mark.placed else frame.kept_in(mark.x.value)


def _height(mark: Mark, frame: Frame) -> float:
    if mark.in_strip:
        return 0.5
    return mark.y.value if mark.placed else frame.kept_up(mark.y.value)


def _ends(mark: Mark) -> tuple[float, ...]:
    """What its bars would be, for the one that is pointed at."""
    if not mark.placed:
        return ()
    ends = ((bar.high - bar.value, bar.value - bar.low) for bar in (mark.x, mark.y))
    return tuple(end for pair in ends for end in pair)


def _bars(spans: Sequence[Interval], shown: Sequence[bool]) -> dict[str, Any]:
    pairs = list(zip(spans, shown, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [span.high - span.value if wanted else 0 for span, wanted in pairs],
        "arrayminus": [span.value - span.low if wanted else 0 for span, wanted in pairs],
        "color": BAR,
        "thickness": 1.5,
        "width": 4,
    }


def _hover(mark: Mark) -> str:
    return "<br>".join([f"<b>{escape(mark.label)}</b>", *map(escape, mark.hover)])


def pointed_at() -> go.Scatter:
    """The bars of the point that is pointed at; a page fills them in."""
    bars = {"type": "data", "symmetric": False, "array": [], "arrayminus": [], "color": BAR}
    return go.Scatter(
        x=[], y=[], mode="markers", meta="pointed-at", hoverinfo="skip", showlegend=False,
        marker={"size": 1, "opacity": 0}, error_x=bars, error_y=bars,
    )  # fmt: skip


def fronts(marks: Sequence[Mark], x: Axis, y: Axis, name: str) -> list[go.Scatter]:
    """A line through each target's front: solid through measured points, dotted through estimates.

    A front of one point has no line to see, but it too explains its outline in the legend.
    """
    groups: dict[tuple[bool, str], list[Mark]] = {}
    for mark in sorted((m for m in marks if m.on_front), key=is_estimate):
        groups.setdefault((is_estimate(mark), mark.target), []).append(mark)
    lines, named = [], set()
    for (estimated, _), group in groups.items():
        line = _front(_best_values(group, x, y), f"{name}, estimated" if estimated else name)
        lines.append(line.update(showlegend=line.name not in named))
        named.add(line.name)
    return lines


def _front(marks: Sequence[Mark], name: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        legendgroup=name,
        x=[mark.x.value for mark in marks],
        y=[mark.y.value for mark in marks],
        mode="lines",
        meta="front",
        line={"color": INK, "width": 1.5, "dash": "dot" if is_estimate(marks[0]) else "solid"},
        opacity=0.6,
        hoverinfo="skip",
    )


def _best_values(marks: Sequence[Mark], x: Axis, y: Axis) -> list[Mark]:
    """Of points on the front those that no other beats by its values: ties stay off the line."""
    across, up = (-1 if axis.higher_is_better else 1 for axis in (x, y))
    line: list[Mark] = []
    for mark in sorted(marks, key=lambda m: (across * m.x.value, up * m.y.value)):
        if not line or up * mark.y.value < up * line[-1].y.value:
            line.append(mark)
    return line


def drawn_lines(drawn: Sequence[go.Scatter], frame: Frame) -> list[Line]:
    """The lines of fronts and the bars of points, in shares of the plot."""
    runs = [list(zip(t.x, t.y, strict=True)) for t in drawn if t.meta == "front"]
    runs += [bar for trace in drawn if trace.meta == "points" for bar in _drawn_bars(trace)]
    placed = [[(frame.across(x), frame.up(y)) for x, y in run] for run in runs]
    return [line for points in placed for line in joined(points)]


def _drawn_bars(trace: go.Scatter) -> Iterator[list[tuple[float, float]]]:
    """From end to end of each bar that has a length."""
    for bars, along in ((trace.error_x, (1, 0)), (trace.error_y, (0, 1))):
        ends = zip(trace.x, trace.y, bars.arrayminus or (), bars.array or (), strict=False)
        for x, y, less, more in ends:
            if less or more:
                yield [(x + by * along[0], y + by * along[1]) for by in (-less, more)]


def ring(mark: Mark, frame: Frame, scale: float = 1.0) -> go.Scatter:
    """Around the chosen point."""
    return go.Scatter(
        **_place([mark], frame),
        mode="markers",
        cliponaxis=False,
        meta="chosen",
        marker={
            "symbol": "circle-open",
            "size": scale * 26,
            "color": ACCENT,
            "line": {"width": 2.5},
        },
        hoverinfo="skip",
        showlegend=False,
    )
