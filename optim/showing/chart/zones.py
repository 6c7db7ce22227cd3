"""Zones of the plane and the strip at its edge, as Plotly's shapes with their names."""

from collections.abc import Iterable, Sequence
from math import isinf
from typing import Any

from optim.showing.chart.frame import Frame, place
from optim.showing.chart.marks import GREY, Mark, Zone

_FILL = "#2e8b57"
_NOTE = 11  # size of type
_STRIP = {
    frozenset({"collapsed"}): "collapsed: outputs far from the original's",
    frozenset({"far"}): "far worse: point at one for its figures",
    frozenset({"collapsed", "far"}): "far worse, or collapsed: point at one for its figures",
}
"""What the strip is called, by the kinds that are in it."""


def zone_shapes(zones: Iterable[Zone], frame: Frame) -> list[dict[str, Any]]:
    """A rectangle for each, and a line at the edge of a firm one. Those out of sight are none."""
    return [shape for zone in zones if _seen(zone, frame) for shape in _shapes(zone, frame)]


def zone_notes(zones: Iterable[Zone], frame: Frame, scale: float = 1.0) -> list[dict[str, Any]]:
    """What each is called, at its edge: the two kinds at opposite ends, as edges may lie close."""
    return [_note(zone, frame, scale) for zone in zones if _seen(zone, frame)]


def _ends(zone: Zone, frame: Frame) -> tuple[float, float]:
    """Where it begins and ends on its axis, within the range."""
    least, most = frame.x if zone.along == "x" else frame.y
    log = frame.log and zone.along == "x"
    low = least if isinf(zone.low) else max(least, place(zone.low, log))
    high = most if isinf(zone.high) else min(most, place(zone.high, log))
    return low, high


def _seen(zone: Zone, frame: Frame) -> bool:
    low, high = _ends(zone, frame)
    return low < high


def _shapes(zone: Zone, frame: Frame) -> list[dict[str, Any]]:
    low, high = _ends(zone, frame)
    other = "y" if zone.along == "x" else "x"
    across = {f"{other}ref": f"{other} domain", f"{other}0": 0, f"{other}1": 1}
    along = zone.along
    fill = {
        **across,
        "type": "rect",
        f"{along}ref": along,
        f"{along}0": _raised(low, zone, frame),
        f"{along}1": _raised(high, zone, frame),
        "fillcolor": _FILL,
        "opacity": 0.07 if zone.firm else 0.12,
        "line": {"width": 0},
        "layer": "below",
    }
    edges = _edges(zone, frame)
    line = {"color": _FILL, "width": 1.5, "dash": "dash"}
    drawn = [
        {**fill, "type": "line", f"{along}0": at, f"{along}1": at, "opacity": 1, "line": line}
        for at in (_raised(end, zone, frame) for end in edges)
    ]
    return [fill, *drawn] if zone.firm else [fill]


def _raised(value: float, zone: Zone, frame: Frame) -> float:
    """Shapes count in values where annotations count in decades."""
    return 10**value if frame.log and zone.along == "x" else value


def _edges(zone: Zone, frame: Frame) -> list[float]:
    """Where it begins or ends in sight, as its axis counts."""
    least, most = frame.x if zone.along == "x" else frame.y
    log = frame.log and zone.along == "x"
    own = [place(end, log) for end in (zone.low, zone.high) if not isinf(end)]
    return [end for end in own if least < end < most]


def _note(zone: Zone, frame: Frame, scale: float) -> dict[str, Any]:
    low, high = _ends(zone, frame)
    at = low if not isinf(zone.low) else high
    note = {
        "text": zone.title if _edges(zone, frame) else f"all of it: {zone.title}",
        "showarrow": False,
        "font": {"size": scale * _NOTE},
        "name": "zone",
    }
    if zone.along == "y":
        edge = "bottom" if at == low else "top"
        x, anchor = (1, "right") if zone.firm else (0, "left")
        return {**note, "x": x, "xref": "x domain", "y": at, "xanchor": anchor, "yanchor": edge}
    side = "left" if at == low else "right"
    y, anchor = (0, "bottom") if zone.firm else (1, "top")
    return {**note, "x": at, "y": y, "yref": "y domain", "xanchor": side, "yanchor": anchor}


def strip(
    frame: Frame, marks: Sequence[Mark], scale: float = 1.0
) -> tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]]]:
    """The ground of what is in the strip and what that is called; nothing where there is none."""
    if frame.strip is None:
        return (), ()
    low, high = frame.strip
    ground = {
        "type": "rect", "xref": "x domain", "x0": 0, "x1": 1, "yref": "paper", "y0": low,
        "y1": high, "fillcolor": GREY, "opacity": 0.15, "line": {"width": 0}, "layer": "below",
    }  # fmt: skip
    within = [mark for mark in marks if mark.in_strip]
    kinds = frozenset(mark.kind for mark in within)
    left = all(frame.across(mark.x.value) > 0.5 for mark in within)  # its name beside them
    name = {
        "text": _STRIP[kinds], "showarrow": False,
        "xref": "x domain", "x": 0.005 if left else 0.995, "xanchor": "left" if left else "right",
        "yref": "paper",
        "y": (low + high) / 2, "yanchor": "middle", "font": {"size": scale * _NOTE},
    }  # fmt: skip
    return (ground,), (name,)
