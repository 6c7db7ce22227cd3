"""Trials as points of the chart: where they stand, which are on the front, which are ties."""

from collections.abc import Iterable, Sequence

from optim.findings import Interval
from optim.studies.front import Point, front, ties
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets
from ui.charts import Mark, MarkKind
from ui.quantities import Quantity


def marks(trials: Sequence[Trial], x: Quantity, y: Quantity) -> list[Mark]:
    """A mark for every trial that has both quantities.

    Each target has a front of its own: times of two machines are not compared.
    """
    on_front = front_numbers(trials, x, y)
    return [
        Mark(
            number=trial.number,
            label=f"#{trial.number} {trial.recipe.spelling}",
            group=_group(trial),
            kind=kind_of(trial),
            x=at_x,
            y=at_y,
            on_front=trial.number in on_front,
            hover=f"{x.title}: {shown(x, at_x)}<br>{y.title}: {shown(y, at_y)}",
        )
        for trial, at_x, at_y in _placed(trials, x, y)
    ]


def front_numbers(trials: Sequence[Trial], x: Quantity, y: Quantity) -> set[int]:
    """Numbers of the trials on the front of their target."""
    return {
        number
        for target in {trial.target for trial in trials}
        for number in front(_points([t for t in trials if t.target == target], x, y))
    }


def tied_with(trials: Sequence[Trial], number: int, x: Quantity, y: Quantity) -> set[int]:
    """Numbers of the trials on the same target that cannot be told apart from this one."""
    target = next((trial.target for trial in trials if trial.number == number), LOCAL)
    points = _points([trial for trial in trials if trial.target == target], x, y)
    return ties(points, number) if any(point.key == number for point in points) else set()


def kind_of(trial: Trial) -> MarkKind:
    """How a trial is drawn."""
    if trial.estimate:
        return "estimate"
    if trial.recipe.is_baseline and trial.recipe.runtime.threads == 1:
        return "baseline"
    return "measured" if trial.finished else "live"


def shown(quantity: Quantity, value: Interval) -> str:
    """A value with its interval, if it has one."""
    middle = quantity.show(value.value)
    if value.low == value.high:
        return middle
    return f"{middle} ({quantity.show(value.low)} to {quantity.show(value.high)})"


def _group(trial: Trial) -> str:
    if trial.target == LOCAL:
        return trial.recipe.runtime.title
    target = all_targets().get(trial.target)
    return target.title if target else trial.target


def _placed(
    trials: Iterable[Trial], x: Quantity, y: Quantity
) -> list[tuple[Trial, Interval, Interval]]:
    found = ((trial, x.get(trial), y.get(trial)) for trial in trials)
    return [(trial, a, b) for trial, a, b in found if a is not None and b is not None]


def _points(trials: Iterable[Trial], x: Quantity, y: Quantity) -> list[Point[int]]:
    return [Point(t.number, _cost(x, a), _cost(y, b)) for t, a, b in _placed(trials, x, y)]


def _cost(quantity: Quantity, value: Interval) -> Interval:
    return value.negated() if quantity.higher_is_better else value
