"""What the axes show: ranges that hold the points, and a strip for those without a place."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median_low

from optim.findings import Interval
from optim.showing.chart.marks import Axis, Mark, Zone

_MARGIN = 0.07
_SMALLEST = 1e-9
_STRIP = 0.08  # of the height, for what has no place up the axis
_FAR = 10  # times as far as the front and its bars reach: they keep a tenth of the axis at least
_SHARE = 0.01  # of the value, which is their reach where they have none


@dataclass(frozen=True)
class Frame:
    """Ranges of both axes (in decades where logarithmic), and the share of height that is theirs.

    `strip` is the share of what has no place up the axis; None where all have one.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    log: bool
    main: tuple[float, float] = (0.0, 1.0)
    strip: tuple[float, float] | None = None

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
    marks: Sequence[Mark], beside: Sequence[Mark], y: Axis, shaded: Iterable[Zone] = ()
) -> list[Mark]:
    """The marks, those called far that are so much worse than the front and the original.

    Args:
        beside: what they are compared with.
        shaded: what is in a firm zone is wanted, and never far.
    """
    core = [m.y for m in beside if m.placed and (m.on_front or m.kind == "baseline")]
    if not core:
        return list(marks)
    sign = 1 if y.higher_is_better else -1
    costs = [-sign * span.value for span in core]
    reach = max(max(costs) - min(costs), median_low(span.high - span.low for span in core))
    least = max(costs) + _FAR * (reach or _SHARE * abs(max(costs)))
    wanted = [zone for zone in shaded if zone.firm and zone.along == "y"]

    def is_far(mark: Mark) -> bool:
        inside = any(zone.low <= mark.y.value <= zone.high for zone in wanted)
        return mark.placed and -sign * mark.y.value > least and not inside

    return [replace(mark, kind="far") if is_far(mark) else mark for mark in marks]


def framed(marks: Sequence[Mark], x: Axis, y: Axis) -> Frame:
    """The frame of marks; the strip is on the side of the axis up that is worse."""
    across = _range([(mark.x, mark.placed) for mark in marks], x)
    up = _range([(mark.y, mark.placed) for mark in marks], y)
    if not any(mark.in_strip for mark in marks):
        return Frame(across, up, x.log)
    if y.higher_is_better:
        return Frame(across, up, x.log, (_STRIP + 0.03, 1.0), (0.0, _STRIP))
    return Frame(across, up, x.log, (0.0, 0.97 - _STRIP), (1.0 - _STRIP, 1.0))


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
    margin = _MARGIN * (high - low or width)
    least, most = (-math.inf, math.inf) if axis.log else (axis.least, axis.most)
    return max(low - margin, least), min(high + margin, most)
