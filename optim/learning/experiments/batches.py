"""One sample at a time, or many at once: what batching brings."""

from collections.abc import Callable
from typing import ClassVar

from pydantic import Field

from optim.learning.experiment import Experiment
from optim.learning.outcome import Bar, Figure, Outcome, Tell, here, never, scaled, silent
from optim.learning.sample import opened
from optim.learning.together import Runner, together
from optim.recipe import Recipe
from optim.showing import text


class Batches(Experiment):
    """The same model, bound to several batch sizes, in the same rounds."""

    title: ClassVar[str] = "Batch sizes side by side"
    figures: ClassVar[tuple[str, ...]] = ("per_sample", "wait")

    sample: str
    sizes: tuple[int, ...] = Field(default=(1, 4, 16), min_length=2, max_length=6)
    runtime: str = "onnxruntime"

    @property
    def does(self) -> str:
        sizes = ", ".join(map(str, self.sizes))
        return f"Runs the sample {self.sample} in batches of {sizes} and compares the times."

    def run(self, tell: Tell = silent, cancelled: Callable[[], bool] = never) -> Outcome:
        tell("binding the model to each batch size", 0.0)
        models = [opened(self.sample, size).model for size in self.sizes]
        recipe = Recipe.parse(self.runtime)
        runners = [
            Runner(f"batch of {size}", model, recipe, size)
            for size, model in zip(self.sizes, models, strict=True)
        ]
        summaries = together(
            runners,
            opened(self.sample).evalset,
            processes=self.processes,
            seconds=self.seconds,
            tell=lambda doing, share: tell(doing, 0.1 + 0.9 * share),
            cancelled=cancelled,
        )
        most, last = self.sizes[-1], summaries[-1].speedup
        more = scaled(last, most / self.sizes[0])
        inverse = last.model_copy(
            update={"value": 1 / last.value, "low": 1 / last.high, "high": 1 / last.low}
        )
        return here(
            figures={
                "per_sample": Figure(
                    title=f"Samples a second, batch of {most} over {self.sizes[0]}",
                    value=more,
                    unit="×",
                ),
                "wait": Figure(title=f"A batch of {most} takes longer by", value=inverse, unit="×"),
            },
            bars=[
                Bar(label=r.label, value=scaled(s.p50_ms, 1 / r.batch))
                for r, s in zip(runners, summaries, strict=True)
            ],
            axis="ms a sample",
            in_turns=True,
            rests_on=text.timed(summaries[-1]),
        )
