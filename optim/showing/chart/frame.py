"""What the axes show: ranges that hold the points, and a strip for those without a place."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median_low
from typing import Literal

from optim.findings import Interval
from optim.showing.chart.marks import Axis, Mark, MarkKind, Zone

_MARGIN = 0.07
_ROOM = 0.04  # past an end that values cannot pass: a point there is seen whole, and can be clicked
_SMALLEST = 1e-9
_STRIP = 0.08  # of the height, for what has no place up the axis
_SIDE = 0.12  # of the width, for what has none across: a value stands beside each
_FAR_UP = 5  # times as far as the front and its bars reach: they keep a sixth of the axis at least
_SHARE = 0.01  # of the value, which is their reach where they have none
_FAR_ACROSS = 2  # times as far as the bulk reaches, or its worst value: it keeps a third at least
_BULK = 0.75  # of the points: a few that are slow rule no axis, many do


@dataclass(frozen=True)
class Frame:
    """Ranges of both axes (in decades where logarithmic), and the shares of the plot.

    `main` and `wide` are the shares of height and width that are the axes' own; `strip` and `side`
    those of what has no place up or across; None where all have one.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool
    main: tuple[float, float] = (0.0, 1.0)
    strip: tuple[float, float] | None = None
    wide: tuple[float, float] = (0.0, 1.0)
    side: tuple[float, float] | None = None

    def across(self, value: float) -> float:
        """Where a value is across, from 0 to 1 within the range."""
        return _share(place(value, self.log), self.x)

    def up(self, value: float) -> float:
        """Where a value is up, from 0 to 1 within the range."""
        return _share(value, self.y)

    def kept_in(self, value: float) -> float:
        """The value across, or the nearest that is in the range."""
        low, high = (10**end if self.log else end for end in self.x)
        return min(max(value, low), high)

    def kept_up(self, value: float) -> float:
        """The value up, or the nearest that is in the range."""
        return min(max(value, self.y[0]), self.y[1])


def sorted_out(
    marks: Sequence[Mark], beside: Sequence[Mark], x: Axis, y: Axis, shaded: Sequence[Zone] = ()
) -> list[Mark]:
    """The marks, those called far that are so much worse than the front and the original, and
    those called beyond that the bulk of all would be squeezed by.

    Args:
        beside: what they are compared with.
        shaded: what is in a firm zone is wanted, and never far.
    """
    core = [m for m in beside if m.placed and (m.on_front or m.kind == "baseline")]
    if not core:
        return list(marks)
    up = _worst_of_core([mark.y for mark in core], y)
    across = _worst_of_bulk([mark.x for mark in core], [m.x for m in beside if m.placed], x)
    return [
        _moved(_moved(mark, "far", y, up, shaded), "beyond", x, across, shaded) for mark in marks
    ]


def _moved(mark: Mark, kind: MarkKind, axis: Axis, worst: float, shaded: Sequence[Zone]) -> Mark:
    """The mark, of this kind where it is worse than the worst that has a place on the axis."""
    along: Literal["x", "y"] = "y" if kind == "far" else "x"
    value = (mark.y if along == "y" else mark.x).value
    wanted = (zone for zone in shaded if zone.firm and zone.along == along)
    if not mark.placed or _cost(value, axis) <= worst:
        return mark
    return mark if any(z.low <= value <= z.high for z in wanted) else replace(mark, kind=kind)


def _cost(value: float, axis: Axis) -> float:
    return -value if axis.higher_is_better else value


def _worst_of_core(spans: Sequence[Interval], axis: Axis) -> float:
    costs = [_cost(span.value, axis) for span in spans]
    reach = _reach(costs, spans) or _SHARE * abs(max(costs))
    return max(costs) + _FAR_UP * reach


def _worst_of_bulk(core: Sequence[Interval], spans: Sequence[Interval], axis: Axis) -> float:
    """A logarithmic axis squeezes nothing."""
    if axis.log:
        return math.inf
    best = sorted(_cost(span.value, axis) for span in spans)
    costs = [*best[: int(_BULK * len(best))], *(_cost(span.value, axis) for span in core)]
    return max(costs) + _FAR_ACROSS * max(_reach(costs, core), abs(max(costs)))


def _reach(costs: Sequence[float], spans: Sequence[Interval]) -> float:
    return max(max(costs) - min(costs), median_low(span.high - span.low for span in spans))


def framed(marks: Sequence[Mark], x: Axis, y: Axis) -> Frame:
    """The frame of marks; each strip is on the side of its axis that is worse."""
    across = _range([(mark.x, mark.placed) for mark in marks], x)
    up = _range([(mark.y, mark.placed or mark.beyond) for mark in marks], y)
    main, strip = _divided(any(mark.in_strip for mark in marks), _STRIP, y.higher_is_better)
    wide, side = _divided(any(mark.beyond for mark in marks), _SIDE, x.higher_is_better)
    return Frame(across, up, x.log, main, strip, wide, side)


_Ends = tuple[float, float]


def _divided(needed: bool, share: float, at_the_start: bool) -> tuple[_Ends, _Ends | None]:
    """An axis's own share of the plot, and its strip's if one is needed."""
    if not needed:
        return (0.0, 1.0), None
    if at_the_start:
        return (share + 0.03, 1.0), (0.0, share)
    return (0.0, 0.97 - share), (1.0 - share, 1.0)


def place(value: float, log: bool) -> float:
    """A value as the axis counts it."""
    return math.log10(max(value, _SMALLEST)) if log else value


def _share(value: float, ends: tuple[float, float]) -> float:
    return (value - ends[0]) / (ends[1] - ends[0])


def _range(spans: Sequence[tuple[Interval, bool]], axis: Axis) -> tuple[float, float]:
    """From the points and their bars. A long bar may not squeeze the points together, and what
    has no place of its own moves the ends no farther.
    """
    counting = [span for span, placed in spans if placed] or [span for span, _ in spans]
    if not counting:
        return (0.0, 1.0)
    ends = [tuple(place(v, axis.log) for v in (s.low, s.value, s.high)) for s in counting]
    values = [value for _, value, _ in ends]
    width = max(max(values) - min(values), median_low(high - low for low, _, high in ends))
    width = width or abs(values[0]) * 0.1 or 1.0
    low = max(min(end[0] for end in ends), min(values) - width / 2)
    high = min(max(end[2] for end in ends), max(values) + width / 2)
    margin, room = (share * (high - low or width) for share in (_MARGIN, _ROOM))
    least, most = (-math.inf, math.inf) if axis.log else (axis.least, axis.most)
    least -= room if min(values) < least + room else 0
    most += room if max(values) > most - room else 0
    return max(low - margin, least), min(high + margin, most)
