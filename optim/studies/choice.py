"""The front among trials: what nothing else clearly beats. See `picking` for what is chosen."""

from collections.abc import Collection, Iterable

from optim.findings import EVEN, Interval
from optim.metrics.base import find_metric
from optim.recipe import Recipe
from optim.studies.front import Point, front, ties
from optim.studies.trial import Trial
from optim.timing.measurement import Summary

_MOST_HERE = 12  # the others are there to be added by hand


def point_of(trial: Trial) -> Point[int] | None:
    """Where a trial stands among those on its target: what a run costs, and the quality lost.

    Nowhere, where its outputs collapsed: being fast is worth nothing then.
    Nor on a first reading. The cost of a measured one is its time relative to the one-thread
    original, from paired ratios; of an estimate it is the estimate in ms. The original's is 1 by
    definition: timed against itself it shows noise, which the others' ratios hold already.
    """
    if trial.quality is None or not has_place(trial):
        return None
    if trial.summary:
        cost = EVEN if trial.runs_the_original else _relative_time(trial.summary)
        return Point(trial.number, cost, loss_of(trial))
    guess = trial.estimate.interval if trial.estimate else None
    return Point(trial.number, guess, loss_of(trial)) if guess else None


def has_place(trial: Trial) -> bool:
    """Whether it may be ranked: its outputs did not collapse, and it is more than a reading."""
    return not has_collapsed(trial) and not trial.unsettled


def has_collapsed(trial: Trial) -> bool:
    """Whether its outputs collapsed; the original's own never do (it may draw at random)."""
    return trial.quality is not None and trial.quality.collapsed and not trial.recipe.is_baseline


def _relative_time(summary: Summary) -> Interval:
    gain = summary.gain
    return Interval(value=1 / gain.value, low=1 / gain.high, high=1 / gain.low)


def loss_of(trial: Trial) -> Interval:
    """Quality lost against the original, in the metric's unit, positive is worse."""
    assert trial.quality is not None
    low, high = trial.quality.difference_ci
    difference = Interval(value=trial.quality.difference, low=low, high=high)
    better_up = find_metric(trial.quality.metric).higher_is_better
    return difference.negated() if better_up else difference


def front_of(trials: Iterable[Trial]) -> set[int]:
    """The study's front: numbers of the trials that nothing else on their target clearly beats.

    It is the one that is starred, drawn, counted and exported.
    """
    return {number for points in _by_target(trials) for number in front(points)}


def telling_here(trials: Iterable[Trial]) -> list[Recipe]:
    """What to measure of trials from elsewhere to know how it is here: the original, the front."""
    known = list(trials)
    front = front_of(known)
    best = (trial.recipe for trial in known if trial.number in front)
    return list(dict.fromkeys([Recipe.baseline(), *best]))[:_MOST_HERE]


def tied_with(trials: Iterable[Trial], number: int) -> set[int]:
    """Numbers of the trials that cannot be told apart from this one, in speed and in quality."""
    with_it = (points for points in _by_target(trials) if number in {p.key for p in points})
    return {other for points in with_it for other in ties(points, number)}


def _by_target(trials: Iterable[Trial]) -> Collection[list[Point[int]]]:
    """The trials' points, those of one target together: times of two machines are not compared."""
    groups: dict[str, list[Point[int]]] = {}
    for trial in trials:
        if point := point_of(trial):
            groups.setdefault(trial.target, []).append(point)
    return groups.values()
