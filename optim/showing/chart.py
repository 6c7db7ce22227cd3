"""The trade-off chart: marks in, a Plotly figure out. It knows nothing of trials or stores.

Colours are middle tones that stay readable on light and dark; text and grid take the theme of the
page or report around it.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Literal

import plotly.graph_objects as go

from optim.findings import Interval

ACCENT = "#1f8fc0"
GREY = "#8593a3"
BAR = "#8593a3aa"
MarkKind = Literal["baseline", "measured", "live", "estimate", "collapsed"]
_KINDS: dict[MarkKind, str] = {
    "baseline": "baseline",
    "measured": "{group}",
    "live": "{group}, tightening",
    "estimate": "{group}, estimate",
    "collapsed": "collapsed",
}
"""MarkKind -> its name in the legend."""
_BEYOND = 4
"""How far bars may widen an axis beyond its points, as a share of the points' span."""
_MARGIN = 0.06
_SMALLEST = 1e-9
_CROSS = "x-thin"
_SYMBOLS = ("circle", "diamond", "triangle-up", "pentagon", "hexagon", "star-triangle-up")


@dataclass(frozen=True)
class Mark:
    """One point: a trial by its number. `group` chooses the shape (its engine), `label` names it.

    `on_front` colours it. Each target has a line of its own. `hover` is said of it, in lines.
    """

    number: int
    label: str
    group: str
    kind: MarkKind
    x: Interval
    y: Interval
    on_front: bool = False
    target: str = ""
    hover: tuple[str, ...] = ()


@dataclass(frozen=True)
class Axis:
    """A title, whether it is logarithmic, and which way is better."""

    title: str
    higher_is_better: bool
    log: bool = False


def trade_off(
    marks: Sequence[Mark],
    x: Axis,
    y: Axis,
    chosen: int | None = None,
    front: str = "front",
    view: str = "",
) -> go.Figure:
    """Points with their intervals, the front as a line, the chosen point ringed.

    Shapes tell engines apart, colour the front, hollow an estimate, pale what is still measured,
    a cross what collapsed.

    Args:
        front: what the front is called.
        view: the zoom is kept for as long as this stays the same.
    """
    figure = go.Figure()
    for line in _fronts(marks, x, y, front):
        figure.add_trace(line)
    shapes = _shapes(mark for mark in marks if mark.kind != "collapsed")
    for (kind, group), part in _by_kind(marks).items():
        figure.add_trace(_points(part, _KINDS[kind].format(group=group), shapes.get(group, _CROSS)))
    ringed = [mark for mark in marks if mark.number == chosen]
    if ringed:
        figure.add_trace(_ring(ringed))
    figure.update_layout(
        height=470,
        showlegend=True,
        margin={"l": 10, "r": 10, "t": 26, "b": 10},
        legend={"orientation": "h", "y": -0.17, "yanchor": "top", "x": 0},
        hovermode="closest",
        dragmode="zoom",
        uirevision=view,
    )
    figure.update_xaxes(_axis(x, [mark.x for mark in marks]), showgrid=False)
    figure.update_yaxes(_axis(y, [mark.y for mark in marks]))
    figure.add_annotation(_better_corner(x, y))
    return figure


def _axis(axis: Axis, spans: Sequence[Interval]) -> dict[str, Any]:
    # Without a format Plotly writes 0.02 as a small 2.
    ticks = {"dtick": "D2", "tickformat": ".3~g"} if axis.log else {}
    kind = "log" if axis.log else "linear"
    return {"title": {"text": axis.title}, "type": kind, "range": _range(spans, axis.log), **ticks}


def _range(spans: Sequence[Interval], log: bool) -> list[float] | None:
    """From the points and their bars, but a wide bar may not squeeze the points together."""

    def place(value: float) -> float:
        return math.log10(max(value, _SMALLEST)) if log else value

    if not spans:
        return None
    values = [place(span.value) for span in spans]
    width = max(values) - min(values) or abs(values[0]) * 0.1 or 1.0
    low = min(max(place(span.low), min(values) - _BEYOND * width) for span in spans)
    high = max(min(place(span.high), max(values) + _BEYOND * width) for span in spans)
    margin = _MARGIN * (high - low or width)
    return [low - margin, high + margin]


def _better_corner(x: Axis, y: Axis) -> dict[str, Any]:
    right, up = x.higher_is_better, y.higher_is_better
    arrow = {(False, True): "↖", (True, True): "↗", (False, False): "↙", (True, False): "↘"}
    return {
        "text": f"{arrow[right, up]} better",
        "xref": "paper",
        "yref": "paper",
        "x": 0.99 if right else 0.01,
        "y": 1 if up else 0.02,
        "yanchor": "bottom",
        "showarrow": False,
        "font": {"size": 13},
    }


def _shapes(marks: Iterable[Mark]) -> dict[str, str]:
    """A shape per group, in the order they came: engines from one end, estimates from the other.

    So nobody's shape changes when another joins.
    """
    marks, found = list(marks), dict[str, str]()
    for estimated, symbols in ((False, _SYMBOLS), (True, _SYMBOLS[::-1])):
        came = sorted((m.number, m.group) for m in marks if _is_estimate(m) is estimated)
        groups = [group for group in dict.fromkeys(g for _, g in came) if group not in found]
        found.update(zip(groups, itertools.cycle(symbols), strict=False))
    return found


def _is_estimate(mark: Mark) -> bool:
    return mark.kind == "estimate"


def _by_kind(marks: Sequence[Mark]) -> dict[tuple[MarkKind, str], list[Mark]]:
    found: dict[tuple[MarkKind, str], list[Mark]] = {}
    for kind in _KINDS:
        for mark in sorted(marks, key=lambda mark: mark.group):
            if mark.kind == kind:
                group = "" if kind == "collapsed" else mark.group  # one cross for all engines
                found.setdefault((kind, group), []).append(mark)
    return found


def _points(marks: Sequence[Mark], name: str, shape: str) -> go.Scatter:
    kind = marks[0].kind
    symbol = {"baseline": "square", "estimate": f"{shape}-open"}.get(kind, shape)
    opacity = 0.5 if kind == "live" else 1.0
    colors = [ACCENT if mark.on_front else GREY for mark in marks]
    return go.Scatter(
        name=escape(name),
        x=[mark.x.value for mark in marks],
        y=[mark.y.value for mark in marks],
        mode="markers",
        customdata=[[mark.number] for mark in marks],
        hovertext=[_hover(mark) for mark in marks],
        hoverinfo="text",
        error_x=_bars([mark.x for mark in marks]),
        error_y=_bars([mark.y for mark in marks]),
        marker={
            "color": colors,
            "symbol": symbol,
            "size": 13 if kind == "baseline" else 11,
            "opacity": opacity,
            "line": {"width": 2, "color": colors},
        },
    )


def _bars(spans: Sequence[Interval]) -> dict[str, Any]:
    return {
        "type": "data",
        "symmetric": False,
        "array": [span.high - span.value for span in spans],
        "arrayminus": [span.value - span.low for span in spans],
        "color": BAR,
        "thickness": 1.5,
        "width": 4,
    }


def _hover(mark: Mark) -> str:
    return "<br>".join([f"<b>{escape(mark.label)}</b>", *map(escape, mark.hover)])


def _fronts(marks: Sequence[Mark], x: Axis, y: Axis, name: str) -> list[go.Scatter]:
    """A line through each target's front: solid through measured points, dotted through estimates.

    A front of one point has no line to see, but it too explains its colour in the legend.
    """
    groups: dict[tuple[bool, str], list[Mark]] = {}
    for mark in sorted((m for m in marks if m.on_front), key=_is_estimate):
        groups.setdefault((_is_estimate(mark), mark.target), []).append(mark)
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
        line={"color": ACCENT, "width": 1.5, "dash": "dot" if _is_estimate(marks[0]) else "solid"},
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


def _ring(marks: Sequence[Mark]) -> go.Scatter:
    return go.Scatter(
        x=[mark.x.value for mark in marks],
        y=[mark.y.value for mark in marks],
        mode="markers",
        marker={"symbol": "circle-open", "size": 24, "color": ACCENT, "line": {"width": 2.5}},
        hoverinfo="skip",
        showlegend=False,
    )
