"""Rectangles in pixels: how wide a text is, what it would lie on, which lines would cross it."""

from collections.abc import Sequence
from dataclasses import dataclass

Line = tuple[tuple[float, float], tuple[float, float]]
"""From a point to a point, (across, up), in shares of the plot or in pixels."""
_NARROW, _WIDE = frozenset(" !'()*,./:;I[]fijlrt|"), frozenset("%@MWmw")
_SHARES = {"narrow": 0.33, "wide": 0.85, "capital": 0.67, "other": 0.53}
"""Of the size of type, which a letter is wide: no font of a page or a report is wider."""
_BOLD = 1.06


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, from the lower left corner of the plot."""

    left: float
    low: float
    right: float
    high: float

    def meets(self, other: "Box") -> bool:
        """Whether they share any place."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.low < other.high
            and other.low < self.high
        )

    def within(self, width: float, height: float, over: float = 0.0) -> bool:
        """Whether it is on a plot of this size; `over` its upper edge it may lean out."""
        return (
            self.left >= 0 and self.low >= 0 and self.right <= width and self.high <= height + over
        )

    def crossed(self, line: Line) -> bool:
        """Whether a part of the line is inside: Liang and Barsky's clipping (1984)."""
        (x, y), (to_x, to_y) = line
        first, last = 0.0, 1.0
        sides = ((x - to_x, x - self.left), (to_x - x, self.right - x),
                 (y - to_y, y - self.low), (to_y - y, self.high - y))  # fmt: skip
        for against, room in sides:
            if against == 0 and room <= 0:
                return False
            if against < 0:
                first = max(first, room / against)
            elif against > 0:
                last = min(last, room / against)
        return first < last


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Pixels, about, that a text of this size of type takes; rather too many than too few."""
    return size * sum(_SHARES[_kind(letter)] for letter in text) * (_BOLD if bold else 1.0)


def joined(points: Sequence[tuple[float, float]]) -> list[Line]:
    """The lines from each point to the next."""
    return list(zip(points, points[1:], strict=False))


def _kind(letter: str) -> str:
    if letter in _NARROW:
        return "narrow"
    return "wide" if letter in _WIDE else "capital" if letter.isupper() else "other"
