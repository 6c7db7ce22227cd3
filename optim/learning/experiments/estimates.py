"""This machine, measured, against a modelled target, estimated from its datasheet."""

from collections.abc import Callable
from typing import ClassVar, Self

from pydantic import Field, model_validator

from optim.errors import StepError
from optim.findings import Interval
from optim.graph import analysis_of
from optim.learning.experiment import Experiment
from optim.learning.outcome import Bar, Figure, Outcome, Tell, here, never, silent
from optim.learning.sample import opened
from optim.learning.together import Runner, together
from optim.recipe import Recipe
from optim.showing import text
from optim.targets import all_targets, find_target
from optim.targets.estimate import estimate


class Estimates(Experiment):
    """The sample as it comes: timed here, estimated there. The estimate's own band goes along."""

    title: ClassVar[str] = "Measured here, estimated elsewhere"
    figures: ClassVar[tuple[str, ...]] = ("faster_there",)

    sample: str
    target: str = Field(description="The modelled target that the question is about.")
    beside: tuple[str, ...] = Field(default=(), max_length=6, description="Further ones to show.")

    @model_validator(mode="after")
    def _modelled(self) -> Self:
        for name in (self.target, *self.beside):
            if name not in all_targets() or not all_targets()[name].modelled:
                raise ValueError(f"there is no modelled target named {name!r}")
        return self

    @property
    def does(self) -> str:
        title = find_target(self.target).title
        return f"Times the sample {self.sample} here, and estimates it on {title}."

    def longer(self) -> None:
        """None: the estimate's band is what is wide."""

    def run(self, tell: Tell = silent, cancelled: Callable[[], bool] = never) -> Outcome:
        tell("opening the sample", 0.0)
        of, recipe = opened(self.sample), Recipe.baseline()
        graph = analysis_of(of.model, cancelled)
        (measured,) = together(
            [Runner("this machine", of.model, recipe)],
            of.evalset,
            processes=self.processes,
            seconds=self.seconds,
            tell=tell,
            cancelled=cancelled,
        )
        bars = [Bar(label="this machine, measured", value=measured.p50_ms)]
        there: Interval | None = None
        notes = []
        for name in (self.target, *self.beside):
            target = find_target(name)
            guess = estimate(graph, target, recipe)
            if guess.interval is None:
                notes.append(guess.refused)
                continue
            there = guess.interval if name == self.target else there
            bars.append(Bar(label=target.title, value=guess.interval, estimated=True))
        if there is None:
            raise StepError(" ".join(notes), "Choose another target.", "estimate")
        return here(
            figures={"faster_there": self._ratio(measured.p50_ms, there)},
            bars=bars,
            axis="ms a run; hollow: estimated, with their band",
            rests_on=text.timed(measured),
            notes=notes,
        )

    def _ratio(self, local: Interval, there: Interval) -> Figure:
        value = Interval(
            value=local.value / there.value,
            low=local.low / there.high,
            high=local.high / there.low,
        )
        title = f"Speed-up of {find_target(self.target).title} over this machine"
        return Figure(title=title, value=value, unit="×", estimated=True)
