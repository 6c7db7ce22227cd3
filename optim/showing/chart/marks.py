"""What the trade-off chart is made of: marks, axes, zones, and their colours."""

from dataclasses import dataclass
from math import inf
from typing import Literal

from optim.findings import Interval

ACCENT = "#1f8fc0"
GREY = "#8593a3"
BAR = "#8593a3aa"
INK = "#1b2430"
"""Outlines; a page gives them the colour of its text."""
COLOURS = ("#1f8fc0", "#c96a12", "#a05fc4", "#2e8b57", "#c2557f", "#8a7a1e")
"""Of engines: all have 3:1 on white and on the page's dark ground (WCAG 1.4.11)."""
SYMBOLS = ("circle", "diamond", "triangle-up", "pentagon", "hexagon", "star-triangle-up")
LOG_AXIS = {"type": "log", "dtick": "D2", "tickformat": ",.3~r"}  # 1,000 and not 1e+3
"""A logarithmic axis, for Plotly: without a format it writes 0.02 as a small 2."""
FEW_DECADES = 0.7
"""Up to which Plotly chooses the numbers itself: 1, 2 and 5 may come there once, or never."""
MarkKind = Literal[
    "baseline", "measured", "live", "first", "estimate", "beyond", "far", "collapsed"
]
"""`live`: measured, its interval tightening; `first`: no interval can be told of it yet; `far` and
`beyond`: so much worse up, or across, that they would squeeze the others to a line (the chart
itself says which are)."""


@dataclass(frozen=True)
class Mark:
    """One point: a trial by its number. `group` is its engine, which chooses colour and shape.

    `label` names it when pointed at, `short` on the chart, where there is room. Those on the front
    are larger and outlined. Each target has a line of its own. `hover` is said of it, in lines.
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
    short: str = ""

    @property
    def placed(self) -> bool:
        """Whether its values count: those without an interval and what is in the strip do not."""
        return self.kind != "first" and not self.aside

    @property
    def aside(self) -> bool:
        """Whether it stands in a strip at an edge of the chart."""
        return self.in_strip or self.beyond

    @property
    def in_strip(self) -> bool:
        """Whether that is the strip of what has no height."""
        return self.kind in ("collapsed", "far")

    @property
    def beyond(self) -> bool:
        """Whether that is the strip of what has no place across."""
        return self.kind == "beyond"


@dataclass(frozen=True)
class Axis:
    """A title, whether it is logarithmic, which way is better, and the values it can have."""

    title: str
    higher_is_better: bool
    log: bool = False
    least: float = -inf
    most: float = inf


@dataclass(frozen=True)
class Zone:
    """A part of the plane, by one of its axes: from `low` to `high` (infinite: to the end).

    `firm` has an edge, drawn as a line; the other kind is a shade only.
    """

    along: Literal["x", "y"]
    low: float
    high: float
    title: str
    firm: bool = False


@dataclass(frozen=True)
class Canvas:
    """Pixels to draw on; the width only tells where there is room for names. `scale`: how much
    larger than usual points and type are; `holds`: marks that the axes are to hold, where those are
    more than are drawn; `known`: marks whose engines have a colour each, likewise; `empty`: what
    stands there without a mark.
    """

    width: int = 560
    height: int = 430
    scale: float = 1.0
    holds: tuple[Mark, ...] = ()
    known: tuple[Mark, ...] = ()
    empty: str = "No point yet."
