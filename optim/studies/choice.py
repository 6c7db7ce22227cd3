"""The choice among trials: which are on the front, which is the fastest within a loss."""

from collections.abc import Collection, Iterable, Sequence

from optim.findings import Interval
from optim.metrics.base import find_metric
from optim.studies.front import Point, front, ties
from optim.studies.trial import Trial
from optim.timing.measurement import Summary


def point_of(trial: Trial) -> Point[int] | None:
    """Where a trial stands among those on its target: what a run costs, and the quality lost.

    The cost of a measured one is its time relative to the one-thread original, from paired
    ratios; of an estimate it is the estimate in ms.
    """
    if trial.quality is None:
        return None
    if trial.summary:
        return Point(trial.number, _relative_time(trial.summary), loss_of(trial))
    guess = trial.estimate.interval if trial.estimate else None
    return Point(trial.number, guess, loss_of(trial)) if guess else None


def _relative_time(summary: Summary) -> Interval:
    gain, scale = summary.speedup, summary.thread_gain or Interval(value=1, low=1, high=1)
    return Interval(
        value=1 / (gain.value * scale.value),
        low=1 / (gain.high * scale.high),
        high=1 / (gain.low * scale.low),
    )


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


def best_within(trials: Sequence[Trial], max_loss: float) -> Trial | None:
    """The fastest measured trial whose quality loss is at most `max_loss`.

    The loss is absolute for metrics that are shares (0.01 = one point of top-1 or AUC), and
    relative to the original's value for errors (MAE, RMSE).
    """
    measured = {p.key: p for trial in trials if trial.summary and (p := point_of(trial))}
    allowed = [t for t in trials if t.number in measured and _relative_loss(t) <= max_loss]
    return min(allowed, key=lambda t: measured[t.number].cost.value, default=None)


def _relative_loss(trial: Trial) -> float:
    assert trial.quality is not None
    loss = loss_of(trial).value
    if find_metric(trial.quality.metric).higher_is_better:
        return loss
    return loss / trial.quality.baseline_value if trial.quality.baseline_value else loss
