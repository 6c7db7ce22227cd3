"""The strips at the chart's edges, for what has no place on an axis: their ground, names, axes."""

from collections.abc import Iterator, Sequence
from typing import Any

import plotly.graph_objects as go

from optim.showing.chart.frame import Frame
from optim.showing.chart.marks import GREY, Mark

_NOTE = 11  # size of type
_RING = 13  # pixels from a point to the ring around it
_ROW = 0.05  # of the plot's height: values closer to each other would be written over each other
_STRIP = {
    frozenset({"collapsed"}): "collapsed: outputs far from the original's",
    frozenset({"far"}): "far worse: off this scale",
    frozenset({"collapsed", "far"}): "far worse, or collapsed: off this scale",
}
"""What the strip of heights is called, by the kinds that are in it."""
_SIDE = "past the axis"
_HIDDEN = {"visible": False, "range": (0, 1), "fixedrange": True}

Drawn = dict[str, Any]


def axes(frame: Frame, x: Drawn, y: Drawn) -> dict[str, Drawn]:
    """Both axes in their shares of the plot, their numbers at its outer edges; and the strips'."""
    below = frame.strip is not None and frame.strip[0] == 0
    before = frame.side is not None and frame.side[0] == 0
    found = {
        "xaxis": x | {"domain": frame.wide, "showgrid": False, "anchor": "y2" if below else "y"},
        "yaxis": y | {"domain": frame.main, "anchor": "x2" if before else "x"},
    }
    if frame.strip:
        found["yaxis2"] = {**_HIDDEN, "domain": frame.strip, "anchor": "x"}
    if frame.side:
        found["xaxis2"] = {**_HIDDEN, "domain": frame.side, "anchor": "y"}
    return found


def holders(frame: Frame) -> list[go.Scatter]:
    """Nothing, drawn on the axes of each strip.

    Plotly forgets axes that no trace is on, and those anchored there: before the first point of a
    strip came in a replay, the axis' numbers stood in its ground.
    """
    axes = [("x", "y2")] * (frame.strip is not None) + [("x2", "y")] * (frame.side is not None)
    return [
        go.Scatter(x=[None], y=[None], xaxis=x, yaxis=y, hoverinfo="skip", showlegend=False)
        for x, y in axes
    ]


def strips(
    frame: Frame, marks: Sequence[Mark], whole: Sequence[Mark], scale: float = 1.0
) -> tuple[list[Drawn], list[Drawn]]:
    """The grounds of the strips, and what is written on them; nothing where there is none.

    Args:
        marks: those that are drawn.
        whole: those that the frame holds.
    """
    grounds, texts = list[Drawn](), list[Drawn]()
    if frame.strip:
        grounds.append(_ground(frame.wide, frame.strip))
        texts.append(_name(frame, frame.strip, whole, scale))
    if frame.side:
        grounds.append(_ground(frame.side, frame.main))
        texts += [_side_name(frame.side, frame.main, scale), *_values(marks, frame, scale)]
    return grounds, texts


def _ground(across: tuple[float, float], up: tuple[float, float]) -> Drawn:
    return {
        "type": "rect", "xref": "paper", "x0": across[0], "x1": across[1], "yref": "paper",
        "y0": up[0], "y1": up[1], "fillcolor": GREY, "opacity": 0.15, "line": {"width": 0},
        "layer": "below",
    }  # fmt: skip


def _name(frame: Frame, ends: tuple[float, float], marks: Sequence[Mark], scale: float) -> Drawn:
    within = [mark for mark in marks if mark.in_strip]
    left = all(frame.across(mark.x.value) > 0.5 for mark in within)  # its name beside them
    return {
        "text": _STRIP[frozenset(mark.kind for mark in within)], "showarrow": False,
        "xref": "x domain", "x": 0.005 if left else 0.995, "xanchor": "left" if left else "right",
        "yref": "paper", "y": sum(ends) / 2, "yanchor": "middle", "font": {"size": scale * _NOTE},
    }  # fmt: skip


def _side_name(across: tuple[float, float], up: tuple[float, float], scale: float) -> Drawn:
    """Upright at its foot: above are the chart's buttons; values stand by their points."""
    return {
        "text": _SIDE, "showarrow": False, "xref": "paper", "x": across[0] + 0.003,
        "xanchor": "left", "yref": "paper", "y": up[0] + 0.01, "yanchor": "bottom",
        "textangle": -90, "font": {"size": scale * _NOTE},
    }  # fmt: skip


def _values(marks: Sequence[Mark], frame: Frame, scale: float) -> Iterator[Drawn]:
    """The value of each that is past the axis, above its point; where they crowd, of the first."""
    last = None
    for mark in sorted((m for m in marks if m.beyond), key=lambda m: m.y.value):
        at = frame.up(mark.y.value)
        if last is None or at - last >= _ROW:
            last = at
            yield {
                "text": _number(mark.x.value), "showarrow": False, "xref": "x2", "x": 0.5,
                "yref": "y", "y": mark.y.value, "yanchor": "bottom", "yshift": scale * _RING,
                "font": {"size": scale * _NOTE}, "name": "past",
            }  # fmt: skip


def _number(value: float) -> str:
    """As the axis would write it, whose title says the unit."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
