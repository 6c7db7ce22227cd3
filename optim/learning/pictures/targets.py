"""One model on every target: estimates from datasheets, and what would bound each."""

from typing import ClassVar

from optim.graph import analysis_of
from optim.learning.drawing import bars
from optim.learning.picture import Panel, Picture
from optim.learning.sample import opened
from optim.recipe import Recipe
from optim.showing.text import milliseconds
from optim.targets import Target, all_targets
from optim.targets.estimate import Estimate, estimate


class Targets(Picture):
    """Hollow bars: nothing here is measured."""

    title: ClassVar[str] = "One model on many kinds of hardware"

    sample: str

    def draw(self) -> tuple[Panel, ...]:
        analysis = analysis_of(opened(self.sample).model)
        modelled = [target for target in all_targets().values() if target.modelled]
        guesses = [(one, estimate(analysis, one, Recipe.baseline())) for one in modelled]
        ran = sorted((pair for pair in guesses if pair[1].interval), key=lambda p: p[1].value)
        refused = [guess.refused for _, guess in guesses if guess.refused]
        figure = bars(
            [f"{_short(target)} · {target.kind.upper()}" for target, _ in ran],
            [guess.value for _, guess in ran],
            "ms a run, estimated; log scale",
            spans=[(guess.low, guess.high) for _, guess in ran],
            hollow=[True] * len(ran),
            said=[_said(guess) for _, guess in ran],
            log=True,
        )
        return (
            Panel(
                "Estimates",
                figure,
                f"The sample {self.sample}, one run, from each datasheet: estimates with their "
                f"band, not measurements. {' '.join(refused)}",
            ),
        )


def _short(target: Target) -> str:
    return target.title.partition(" (")[0].partition(",")[0]


def _said(guess: Estimate) -> str:
    bound = max(guess.bound_by, key=lambda name: guess.bound_by[name])
    return f"{milliseconds(guess.value)}, {bound}"
