"""Charts: values in, Plotly figures out. They know nothing of trials, stores or sessions.

Colours are middle tones that stay readable on light and dark; text and grid take the page's theme.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from optim.measurement import Interval

ACCENT = "#1f8fc0"
GREY = "#8593a3"
BAR = "#8593a366"
Kind = Literal["baseline", "measured", "live", "estimate"]
_NAMES: dict[Kind, str] = {
    "baseline": "baseline",
    "measured": "measured",
    "live": "tightening",
    "estimate": "estimate",
}
_SYMBOLS = ("circle", "diamond", "triangle-up", "pentagon", "hexagon", "star-triangle-up")


@dataclass(frozen=True)
class Mark:
    """One point: a trial by its number. `group` chooses the shape (its engine), `label` is shown.

    `on_front` colours it.
    """

    number: int
    label: str
    group: str
    kind: Kind
    x: Interval
    y: Interval
    on_front: bool = False
    hover: str = ""


@dataclass(frozen=True)
class Axis:
    """A title, whether it is logarithmic, and which way is better."""

    title: str
    higher_is_better: bool
    log: bool = False


def trade_off(
    marks: Sequence[Mark], x: Axis, y: Axis, chosen: int | None = None, view: str = ""
) -> go.Figure:
    """Points with their intervals, the front as a line, the chosen point ringed.

    Args:
        view: the zoom is kept for as long as this stays the same.
    """
    figure = go.Figure()
    for front in _fronts(marks, y.higher_is_better):
        figure.add_trace(front)
    shapes = {group: _SYMBOLS[i % len(_SYMBOLS)] for i, group in enumerate(_groups(marks))}
    for kind in _NAMES:
        part = [mark for mark in marks if mark.kind == kind]
        if part:
            figure.add_trace(_points(part, kind, shapes))
    ringed = [mark for mark in marks if mark.number == chosen]
    if ringed:
        figure.add_trace(_ring(ringed))
    if len(shapes) > 1:
        for group, shape in shapes.items():
            figure.add_trace(_legend_only(group, shape))
    figure.update_layout(
        height=470,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": -0.17, "yanchor": "top", "x": 0},
        hovermode="closest",
        dragmode="zoom",
        uirevision=view,
        clickmode="event+select",
    )
    figure.update_xaxes(_axis(x), showspikes=False)
    figure.update_yaxes(_axis(y), showspikes=False)
    figure.add_annotation(_better_corner(x, y))
    return figure


def _axis(axis: Axis) -> dict[str, Any]:
    ticks = {"dtick": "D2", "minor": {"showgrid": False}} if axis.log else {}
    return {"title": axis.title, "type": "log" if axis.log else "linear", **ticks}


def _better_corner(x: Axis, y: Axis) -> dict[str, Any]:
    right, up = x.higher_is_better, y.higher_is_better
    arrow = {(False, True): "↖", (True, True): "↗", (False, False): "↙", (True, False): "↘"}
    return {
        "text": f"{arrow[right, up]} better",
        "xref": "paper",
        "yref": "paper",
        "x": 0.99 if right else 0.01,
        "y": 0.98 if up else 0.02,
        "showarrow": False,
        "font": {"color": GREY, "size": 13},
    }


def _groups(marks: Iterable[Mark]) -> list[str]:
    return sorted({mark.group for mark in marks})


def _points(marks: Sequence[Mark], kind: Kind, shapes: Mapping[str, str]) -> go.Scatter:
    hollow = "-open" if kind == "estimate" else ""
    colors = [ACCENT if mark.on_front else GREY for mark in marks]
    symbols = ["square" if kind == "baseline" else shapes[m.group] + hollow for m in marks]
    return go.Scatter(
        name=_NAMES[kind],
        x=[mark.x.value for mark in marks],
        y=[mark.y.value for mark in marks],
        mode="markers",
        customdata=[[mark.number] for mark in marks],
        hovertext=[f"<b>{mark.label}</b><br>{mark.hover}" for mark in marks],
        hoverinfo="text",
        error_x=_bars([mark.x for mark in marks]),
        error_y=_bars([mark.y for mark in marks]),
        marker={
            "color": colors,
            "symbol": symbols,
            "size": 13 if kind == "baseline" else 11,
            "opacity": 0.45 if kind == "live" else 1,
            "line": {"width": 2, "color": colors},
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 0.45 if kind == "live" else 1}},
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


def _fronts(marks: Sequence[Mark], up: bool) -> list[go.Scatter]:
    """One line through the front's measured points and one through that of the estimates."""
    lines = []
    for estimated in (False, True):
        part = [m for m in marks if m.on_front and (m.kind == "estimate") == estimated]
        part.sort(key=lambda m: (m.x.value, m.y.value))
        if len(part) > 1:
            lines.append(
                go.Scatter(
                    name="front, estimated" if estimated else "front",
                    x=[mark.x.value for mark in part],
                    y=[mark.y.value for mark in part],
                    mode="lines",
                    line={"color": ACCENT, "width": 1.5, "dash": "dot" if estimated else "solid"},
                    opacity=0.6,
                    hoverinfo="skip",
                )
            )
    return lines


def _ring(marks: Sequence[Mark]) -> go.Scatter:
    return go.Scatter(
        x=[mark.x.value for mark in marks],
        y=[mark.y.value for mark in marks],
        mode="markers",
        marker={"symbol": "circle-open", "size": 24, "color": ACCENT, "line": {"width": 2.5}},
        hoverinfo="skip",
        showlegend=False,
    )


def _legend_only(group: str, shape: str) -> go.Scatter:
    marker = {"symbol": shape, "color": GREY, "size": 10}
    return go.Scatter(name=group, x=[None], y=[None], mode="markers", marker=marker)


def treemap(
    names: Sequence[str], ops: Sequence[str], values: Sequence[float], unit: str
) -> go.Figure:
    """Where something goes: nodes within their operator, area proportional to `values`."""
    totals: dict[str, float] = {}
    for op, value in zip(ops, values, strict=True):
        totals[op] = totals.get(op, 0.0) + value
    inner = [f"{op}/{i}" for i, op in enumerate(ops)]
    figure = go.Figure(
        go.Treemap(
            ids=[*totals, *inner],
            labels=[*totals, *names],
            parents=["" for _ in totals] + list(ops),
            values=[*totals.values(), *values],
            branchvalues="total",
            texttemplate="%{label}<br>%{percentRoot:.1%}",
            hovertemplate=f"<b>%{{label}}</b><br>%{{value:.4g}} {unit}"
            "<br>%{percentRoot:.1%} of all<extra></extra>",
            marker={
                "colorscale": [[0, "#9fb6c6"], [1, ACCENT]],
                "colors": [*totals.values(), *values],
            },
            maxdepth=2,
        )
    )
    figure.update_layout(height=420, margin={"l": 0, "r": 0, "t": 10, "b": 0})
    return figure


def operator_bars(rows: Mapping[str, Mapping[str, float]], limit: int = 12) -> go.Figure:
    """Time per operator, one group of bars per trial.

    Args:
        rows: trial -> operator -> microseconds.
    """
    totals: dict[str, float] = {}
    for times in rows.values():
        for op, value in times.items():
            totals[op] = max(totals.get(op, 0.0), value)
    ops = sorted(totals, key=lambda op: -totals[op])[:limit]
    figure = go.Figure()
    for index, (name, times) in enumerate(rows.items()):
        figure.add_trace(
            go.Bar(
                name=name,
                y=ops,
                x=[times.get(op, 0.0) for op in ops],
                orientation="h",
                marker={"color": _BARS[index % len(_BARS)]},
                hovertemplate="%{y}: %{x:,.4g} µs<extra>" + name + "</extra>",
            )
        )
    figure.update_layout(
        barmode="group",
        height=max(240, 34 * len(ops) * max(1, len(rows)) // 2 + 110),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        xaxis={"title": "µs per run, by the engine's own profiler"},
        yaxis={"autorange": "reversed"},
    )
    return figure


_BARS = (GREY, ACCENT, "#c98a2b", "#5d8f58", "#9b6fae", "#b5574f")
