"""Trials as points of the trade-off chart: where they stand, which are on the front or ties.

The study's own front compares paired ratios, which no axis shows; it is what the chart of speed
against quality draws. Other axes have a front of their own, and it is named so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optim.findings import Interval
from optim.showing.brief import brief
from optim.showing.chart import Axis, Mark, MarkKind
from optim.showing.figure import TrialFigure
from optim.showing.figures import LATENCY, QUALITY, SPEEDUP, figures
from optim.studies import choice
from optim.studies.front import Point, front, ties
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets

_Placed = tuple[Trial, Interval, Interval]


@dataclass(frozen=True)
class Plane:
    """Two figures, one across and one up, as the chart shows trials by them."""

    x: TrialFigure
    y: TrialFigure

    @property
    def is_the_studys(self) -> bool:
        """Whether it shows speed against quality, the trade-off that the study's front is of."""
        names = {self.x.name, self.y.name}
        return QUALITY in names and bool(names & {LATENCY, SPEEDUP})

    @property
    def front_name(self) -> str:
        """What its front is called."""
        return "front" if self.is_the_studys else "front on these axes"

    def axes(self, log: bool = False) -> tuple[Axis, Axis]:
        """The chart's axes; the one across may be logarithmic."""
        return _axis(self.x, log), _axis(self.y)

    def front(self, trials: Sequence[Trial]) -> set[int]:
        """Numbers of the trials on the front of their target."""
        if self.is_the_studys:
            return choice.front_of(trials)
        return {number for points in self._points(trials).values() for number in front(points)}

    def tied_with(self, trials: Sequence[Trial], number: int) -> set[int]:
        """Numbers of the trials on the same target that cannot be told apart from this one."""
        if self.is_the_studys:
            return choice.tied_with(trials, number)
        with_it = (p for p in self._points(trials).values() if number in {one.key for one in p})
        return {other for points in with_it for other in ties(points, number)}

    def placed(self, trials: Iterable[Trial]) -> list[_Placed]:
        """The trials that have both figures, with where they stand."""
        found = ((trial, self.x.scaled(trial), self.y.scaled(trial)) for trial in trials)
        return [(trial, a, b) for trial, a, b in found if a is not None and b is not None]

    def _points(self, trials: Iterable[Trial]) -> dict[str, list[Point[int]]]:
        groups: dict[str, list[Point[int]]] = {}
        for trial, a, b in self.placed(t for t in trials if choice.has_place(t)):
            point = Point(trial.number, _cost(self.x, a), _cost(self.y, b))
            groups.setdefault(trial.target, []).append(point)
        return groups


def _axis(figure: TrialFigure, log: bool = False) -> Axis:
    least, most = figure.scale * figure.least, figure.scale * figure.most
    return Axis(figure.axis, figure.higher_is_better, log, least, most)


def default_plane(metric: str, trials: Iterable[Trial]) -> Plane:
    """Latency against quality."""
    known = figures(metric, trials)
    return Plane(known[LATENCY], known[QUALITY])


def marks(trials: Sequence[Trial], plane: Plane) -> list[Mark]:
    """A mark for every trial that has both figures."""
    on_front, original = plane.front(trials), _original(trials)
    return [
        Mark(
            number=trial.number,
            label=f"#{trial.number} {trial.recipe.spelling}",
            group=_group(trial),
            target=trial.target,
            kind=kind_of(trial, original),
            x=at_x,
            y=at_y,
            on_front=trial.number in on_front,
            hover=_hover(trial, plane, trial.number in on_front),
            short=short(trial, original),
        )
        for trial, at_x, at_y in plane.placed(trials)
    ]


def _original(trials: Sequence[Trial]) -> int | None:
    """Number of the original that is named: this machine's; else the one measured elsewhere."""
    known = [one for one in trials if one.runs_the_original and one.summary]
    known.sort(key=lambda one: not one.is_original)
    return known[0].number if known else None


def kind_of(trial: Trial, original: int | None) -> MarkKind:
    """How a trial is drawn."""
    if choice.has_collapsed(trial):
        return "collapsed"
    if trial.estimate:
        return "estimate"
    if trial.number == original:
        return "baseline"
    if trial.unsettled:
        return "first"
    return "measured" if trial.finished else "live"


def short(trial: Trial, original: int | None) -> str:
    """A trial's name beside its point."""
    if trial.number == original:
        return "original"
    return f"#{trial.number} {brief(trial.recipe)}"


def hardware(target: str) -> str:
    """A target's title; its name where it is no longer known."""
    known = all_targets().get(target)
    return known.title if known else target


def _hover(trial: Trial, plane: Plane, on_front: bool) -> tuple[str, ...]:
    said = [f"{figure.title}: {figure.text(trial)}" for figure in (plane.x, plane.y)]
    if choice.has_collapsed(trial):
        said.append("Collapsed: no place on a front")
    return (*said, f"On the {plane.front_name}") if on_front else tuple(said)


def _group(trial: Trial) -> str:
    return trial.recipe.runtime.title if trial.target == LOCAL else hardware(trial.target)


def _cost(figure: TrialFigure, value: Interval) -> Interval:
    return value.negated() if figure.higher_is_better else value
