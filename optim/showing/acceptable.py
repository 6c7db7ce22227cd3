"""What may be lost, as zones of the trade-off chart: the loss allowed, and what cannot be seen."""

from collections.abc import Iterable
from math import inf
from statistics import median
from typing import Literal

from optim.judging.quality import Quality
from optim.metrics.base import find_metric
from optim.showing.chart import Zone
from optim.showing.figures import QUALITY
from optim.showing.points import Plane
from optim.studies.goal import Goal
from optim.studies.trial import Trial


def acceptable(trials: Iterable[Trial], plane: Plane, goal: Goal) -> list[Zone]:
    """The zone within the loss allowed, and in it the band of differences that the samples cannot
    tell from none. Empty where no axis shows the quality, or before the original is judged.
    """
    axis = _axis(plane)
    judged = [trial.quality for trial in trials if trial.quality]
    if axis is None or not judged:
        return []
    original = max(judged, key=lambda quality: quality.n)
    return [_allowed(original, plane, goal, axis), *_unseen(judged, original, plane, axis)]


def _axis(plane: Plane) -> Literal["x", "y"] | None:
    return "y" if plane.y.name == QUALITY else "x" if plane.x.name == QUALITY else None


def _zone(
    worst: float, original: Quality, plane: Plane, along: Literal["x", "y"], title: str, firm: bool
) -> Zone:
    """From the worst value that belongs to it, in the metric's own unit, to the better end."""
    scale = (plane.y if along == "y" else plane.x).scale
    better_up = find_metric(original.metric).higher_is_better
    low, high = (worst * scale, inf) if better_up else (-inf, worst * scale)
    return Zone(along, low, high, title, firm)


def _allowed(original: Quality, plane: Plane, goal: Goal, along: Literal["x", "y"]) -> Zone:
    metric = find_metric(original.metric)
    worst = metric.at_loss(goal.max_loss, original.baseline_value)
    if goal.min_quality is not None:
        better = max if metric.higher_is_better else min
        worst = better(worst, goal.min_quality)
    return _zone(worst, original, plane, along, "within the loss allowed", firm=True)


def _unseen(
    judged: Iterable[Quality], original: Quality, plane: Plane, along: Literal["x", "y"]
) -> list[Zone]:
    """As far below the original as half the interval of a usual paired difference."""
    spans = [q.difference_ci for q in judged if q.difference_ci[0] < q.difference_ci[1]]
    if not spans:
        return []
    half = median(high - low for low, high in spans) / 2
    better_up = find_metric(original.metric).higher_is_better
    worst = original.baseline_value - (half if better_up else -half)
    return [_zone(worst, original, plane, along, "no measurable loss", firm=False)]
