"""The front: which points nothing else clearly beats. Overlapping intervals are ties."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Span:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float

    def clearly_below(self, other: "Span") -> bool:
        """Whether the whole interval lies below the other's."""
        return self.high < other.low

    def negated(self) -> "Span":
        """The same on a flipped axis, so that lower is better everywhere."""
        return Span(-self.value, -self.high, -self.low)


@dataclass(frozen=True)
class Point(Generic[K]):
    """A trial in the plane of cost (lower is better) and loss (lower is better)."""

    key: K
    cost: Span
    loss: Span


def dominates(a: Point[K], b: Point[K]) -> bool:
    """Whether `a` is clearly better on one axis and no worse, or tied, on the other."""
    better = a.cost.clearly_below(b.cost) or a.loss.clearly_below(b.loss)
    worse = b.cost.clearly_below(a.cost) or b.loss.clearly_below(a.loss)
    return better and not worse


def front(points: Sequence[Point[K]]) -> set[K]:
    """Keys of the points that no other dominates: the Pareto set with ties kept."""
    return {p.key for p in points if not any(dominates(q, p) for q in points)}


def ties(points: Sequence[Point[K]], key: K) -> set[K]:
    """Keys of the other points that overlap the given one on both axes."""
    (mine,) = [p for p in points if p.key == key]
    return {p.key for p in points if p.key != key and not _apart(mine, p)}


def _apart(a: Point[K], b: Point[K]) -> bool:
    pairs = ((a.cost, b.cost), (a.loss, b.loss))
    return any(x.clearly_below(y) or y.clearly_below(x) for x, y in pairs)
