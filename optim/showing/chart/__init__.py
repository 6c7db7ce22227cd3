"""The trade-off chart: marks in, a Plotly figure out. It knows nothing of trials or stores.

Colours are middle tones that stay readable on light and dark; text, grid and outlines take the
theme of the page or report around it.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import plotly.graph_objects as go

from optim.showing.chart import strips, traces, zones
from optim.showing.chart.frame import framed, sorted_out
from optim.showing.chart.labels import labels
from optim.showing.chart.marks import (
    ACCENT,
    BAR,
    FEW_DECADES,
    GREY,
    INK,
    LOG_AXIS,
    Axis,
    Canvas,
    Mark,
    MarkKind,
    Zone,
)

__all__ = [
    "ACCENT",
    "BAR",
    "GREY",
    "INK",
    "LOG_AXIS",
    "Axis",
    "Canvas",
    "Mark",
    "MarkKind",
    "Zone",
    "trade_off",
    "trade_off_json",
]

_TICKS = 70  # pixels beside the plot
_MARGIN = {"l": 10, "r": 14, "t": 24, "b": 64}


def trade_off(
    marks: Sequence[Mark],
    x: Axis,
    y: Axis,
    chosen: int | None = None,
    front: str = "front",
    view: str = "",
    shaded: Sequence[Zone] = (),
    canvas: Canvas = Canvas(),  # noqa: B008 - it is frozen
) -> go.Figure:
    """Points with their intervals, the front as a line, the chosen point ringed; the original, the
    front and the chosen point named.

    Colour and shape tell engines apart; those on the front are larger and outlined; hollow is an
    estimate, pale what is still measured. What collapsed, or is far worse than the
    front, is in a strip of its own.

    Args:
        front: what the front is called.
        view: the zoom is kept for as long as this stays the same.
        shaded: zones of the plane, named at their edges.
        canvas: what it is drawn on.
    """
    scale = canvas.scale
    given = canvas.holds or marks
    marks, whole = (sorted_out(some, given, x, y, shaded) for some in (marks, given))
    frame = framed(whole, x, y)
    drawn = [
        *traces.fronts(marks, x, y, front),
        *traces.points(marks, frame, chosen, traces.styles(canvas.known or given), scale),
        *(traces.ring(mark, frame, scale) for mark in marks if mark.number == chosen),
    ]
    figure = go.Figure([*drawn, *strips.holders(frame), traces.pointed_at()] if drawn else [])
    at = [(frame.across(m.x.value), frame.up(m.y.value)) for m in marks if m.placed]
    notes = zones.zone_notes(shaded, frame, scale, at)
    ground, names = strips.strips(frame, marks, whole, scale)
    lines = [*traces.drawn_lines(drawn, frame), *zones.edge_lines(shaded, frame)]
    high = canvas.height - scale * (_MARGIN["t"] + _MARGIN["b"])
    plot = (
        (frame.wide[1] - frame.wide[0]) * (canvas.width - scale * _TICKS),
        (frame.main[1] - frame.main[0]) * high,
    )
    figure.update_layout(
        **_layout(view, canvas.height, scale),
        **strips.axes(frame, _axis(x, frame.x), _axis(y, frame.y)),
        shapes=[*zones.zone_shapes(shaded, frame), *ground],
        annotations=[
            *notes,
            *labels(marks, frame, chosen, plot, scale, notes, lines),
            *names,
            _better_corner(x, y, scale),
        ],
    )
    return figure if marks else _empty(figure, canvas)


@lru_cache(maxsize=32)
def trade_off_json(
    marks: tuple[Mark, ...],
    x: Axis,
    y: Axis,
    chosen: int | None,
    front: str,
    view: str,
    shaded: tuple[Zone, ...],
    canvas: Canvas,
) -> str:
    """`trade_off` as JSON, kept: of all that a page does at a click Plotly takes the most."""
    return str(trade_off(marks, x, y, chosen, front, view, shaded, canvas).to_json())


def _empty(figure: go.Figure, canvas: Canvas) -> go.Figure:
    """Without a point no range is meant: there are no numbers along the axes."""
    figure.update_xaxes(showticklabels=False).update_yaxes(showticklabels=False, showgrid=False)
    said = {"text": canvas.empty, "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5}
    return figure.add_annotation(**said, showarrow=False, font={"size": canvas.scale * 14})


def _layout(view: str, height: int, scale: float) -> dict[str, Any]:
    """The legend is one row below the plot, which it never resizes."""
    return {
        "height": height,
        "showlegend": True,
        "margin": {side: scale * room for side, room in _MARGIN.items()},
        "legend": {
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
            "maxheight": scale * 30,
            "itemsizing": "constant",
        },  # fmt: skip
        "hovermode": "closest",
        "dragmode": "zoom",
        "uirevision": view,
    }


def _axis(axis: Axis, ends: tuple[float, float]) -> dict[str, Any]:
    kind: dict[str, Any] = dict(LOG_AXIS) if axis.log else {"type": "linear"}
    if axis.log and ends[1] - ends[0] < FEW_DECADES:
        kind["dtick"] = None
    return {"title": {"text": axis.title}, "range": list(ends), **kind}


def _better_corner(x: Axis, y: Axis, scale: float) -> dict[str, Any]:
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
        "font": {"size": scale * 13},
    }
