"""The choice among trials: which are on the front, which is the fastest within a loss."""

from collections.abc import Collection, Iterable, Sequence

from optim.findings import Interval
from optim.metrics.base import find_metric
from optim.studies.front import Point, front, ties
from optim.studies.trial import Trial
from optim.timing.measurement import Summary


def point_of(trial: Trial) -> Point[int] | None:
    """Where a trial stands among those on its target: what a run costs, and the quality lost.

    Nowhere, where its outputs collapsed: being fast is worth nothing then. The cost of a measured
    one is its time relative to the one-thread original, from paired ratios; of an estimate it is
    the estimate in ms.
    """
    if trial.quality is None or has_collapsed(trial):
        return None
    if trial.summary:
        return Point(trial.number, _relative_time(trial.summary), loss_of(trial))
    guess = trial.estimate.interval if trial.estimate else None
    return Point(trial.number, guess, loss_of(trial)) if guess else None


def has_collapsed(trial: Trial) -> bool:
    """Whether its outputs collapsed; the original's own never do (it may draw at random)."""
    return trial.quality is not None and trial.quality.collapsed and not trial.recipe.is_baseline


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

    Whose outputs collapsed or drifted far off is never it, whatever the metric says. The loss is
    absolute for metrics that are shares (0.01 = one point of top-1 or AUC), and relative to the
    original's value for errors (MAE, RMSE).
    """
    allowed = [t for t in _within(trials, max_loss) if _is_sound(t)]
    return min(allowed, key=_cost_of, default=None)


def passed_over(trials: Sequence[Trial], max_loss: float) -> list[Trial]:
    """The trials that their metric allows, faster than the best, and that are no choice: their
    outputs collapsed or are far from the original's."""
    best = best_within(trials, max_loss)
    found = [t for t in _within(trials, max_loss) if not _is_sound(t)]
    return [t for t in found if best is None or _cost_of(t) < _cost_of(best)]


def _within(trials: Iterable[Trial], max_loss: float) -> list[Trial]:
    timed = (trial for trial in trials if trial.summary and trial.quality)
    return [trial for trial in timed if _relative_loss(trial) <= max_loss]


def _is_sound(trial: Trial) -> bool:
    assert trial.quality is not None
    return trial.quality.sound or trial.recipe.is_baseline


def _cost_of(trial: Trial) -> float:
    """What a run costs, relative to the one-thread original."""
    assert trial.summary is not None
    return _relative_time(trial.summary).value


def _relative_loss(trial: Trial) -> float:
    assert trial.quality is not None
    loss = loss_of(trial).value
    if find_metric(trial.quality.metric).higher_is_better:
        return loss
    return loss / trial.quality.baseline_value if trial.quality.baseline_value else loss
