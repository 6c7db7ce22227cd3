"""Zones of the plane, as Plotly's shapes with their names."""

from collections.abc import Iterable, Sequence
from itertools import combinations, product
from math import isinf
from typing import Any

from optim.showing.chart.boxes import Line
from optim.showing.chart.frame import Frame, place
from optim.showing.chart.marks import Zone

_FILL = "#2e8b57"
_NOTE = 11  # size of type
_HIGH = 0.06  # of the plot: what a name takes up
_LONG = 0.3  # of the plot: what it takes across


def zone_shapes(zones: Iterable[Zone], frame: Frame) -> list[dict[str, Any]]:
    """A rectangle for each, and a line at the edge of a firm one. Those out of sight are none."""
    return [shape for zone in zones if _seen(zone, frame) for shape in _shapes(zone, frame)]


def zone_notes(
    zones: Iterable[Zone],
    frame: Frame,
    scale: float = 1.0,
    points: Sequence[tuple[float, float]] = (),
) -> list[dict[str, Any]]:
    """What each is called, at its edge: the two kinds at opposite ends, as edges may lie close,
    and at the other where there are points.

    Args:
        points: where they are, in shares of the plot.
    """
    seen = [zone for zone in zones if _seen(zone, frame)]
    lines = [end for one in seen if one.firm and one.along == "y" for end in _edges(one, frame)]
    notes = [_note(zone, frame, scale, () if zone.firm else lines) for zone in seen]
    turned = [[note, _at_other_end(note)] if zone.along == "y" else [note]
              for zone, note in zip(seen, notes, strict=True)]  # fmt: skip
    ways = [list(way) for way in product(*turned)]  # the first is as they are
    return min(ways, key=lambda way: _in_the_way(way, frame, points))


def _at_other_end(note: dict[str, Any]) -> dict[str, Any]:
    other = 1 - note["x"]
    return {**note, "x": other, "xanchor": "right" if other else "left"}


def _in_the_way(
    notes: Sequence[dict[str, Any]], frame: Frame, points: Iterable[tuple[float, float]]
) -> tuple[int, int]:
    """How many names lie on each other, and how many points on names; of names along one axis."""
    if any("yref" in note for note in notes):
        return 0, 0
    places = [(note["x"], frame.up(note["y"])) for note in notes]
    under = sum(_near(place, point) for place, point in product(places, points))
    return sum(_near(*pair) for pair in combinations(places, 2)), under


def _near(name: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(name[0] - other[0]) < _LONG and abs(name[1] - other[1]) < 2 * _HIGH


def edge_lines(zones: Iterable[Zone], frame: Frame) -> list[Line]:
    """The edges that are drawn as lines, in shares of the plot."""
    found: list[Line] = []
    for zone in (one for one in zones if one.firm and _seen(one, frame)):
        for end in (_raised(edge, zone, frame) for edge in _edges(zone, frame)):
            at = frame.up(end) if zone.along == "y" else frame.across(end)
            found.append(((0, at), (1, at)) if zone.along == "y" else ((at, 0), (at, 1)))
    return found


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


def _note(zone: Zone, frame: Frame, scale: float, lines: Iterable[float]) -> dict[str, Any]:
    """Its name at its edge, past any of the lines that would strike it through."""
    low, high = _ends(zone, frame)
    at = low if not isinf(zone.low) else high
    note = {
        "text": zone.title if _edges(zone, frame) else f"all of it: {zone.title}",
        "showarrow": False,
        "font": {"size": scale * _NOTE},
        "name": "zone",
    }
    if zone.along == "y":
        edge, way = ("bottom", 1) if at == low else ("top", -1)
        for line in sorted(lines, key=lambda line: way * line):
            if 0 < way * (frame.up(line) - frame.up(at)) < scale * _HIGH:
                at = line
        x, anchor = (1, "right") if zone.firm else (0, "left")
        return {**note, "x": x, "xref": "x domain", "y": at, "xanchor": anchor, "yanchor": edge}
    side = "left" if at == low else "right"
    y, anchor = (0, "bottom") if zone.firm else (1, "top")
    return {**note, "x": at, "y": y, "yref": "y domain", "xanchor": side, "yanchor": anchor}
