"""The front: which points nothing else clearly beats. Overlapping intervals are ties."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from optim.findings import Interval

K = TypeVar("K", bound=Hashable)
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Point(Generic[K]):
    """A trial in the plane of cost and loss, both lower-is-better."""

    key: K
    cost: Interval
    loss: Interval


def front(points: Sequence[Point[K]]) -> set[K]:
    """Keys of the points that no other dominates: the Pareto set with ties kept.

    A point dominates another when it is clearly better (its interval lies below the other's) on
    one axis and better or tied on the other.
    """
    below_cost, below_loss = _below([p.cost for p in points]), _below([p.loss for p in points])
    dominates: Flags = np.logical_or(below_cost, below_loss)
    dominates &= ~(below_cost | below_loss).T
    beaten = set(np.flatnonzero(dominates.any(axis=0)).tolist())
    return {point.key for i, point in enumerate(points) if i not in beaten}


def ties(points: Sequence[Point[K]], key: K) -> set[K]:
    """Keys of the other points that overlap the given one on both axes."""
    (mine,) = [p for p in points if p.key == key]
    return {
        p.key
        for p in points
        if p.key != key and p.cost.overlaps(mine.cost) and p.loss.overlaps(mine.loss)
    }


def _below(spans: Sequence[Interval]) -> Flags:
    """Matrix whose [i, j] says that i lies wholly below j."""
    low = np.array([span.low for span in spans])
    high = np.array([span.high for span in spans])
    below: Flags = np.less.outer(high, low)
    return below
