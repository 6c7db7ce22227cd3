"""A simulated machine: known true times and losses, noise as it is measured, a clock of its own."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

import numpy as np

from optim.errors import StepError
from optim.findings import EVEN, Interval
from optim.recipe import Recipe
from optim.search.instrument import Errors, Mended, Reading
from optim.studies.picking import Facts
from optim.timing.stats import ratio_interval

BETWEEN, WITHIN, ROUNDS = 0.025, 0.04, 12  # of log ratios, as seen on real machines


@dataclass(frozen=True)
class Truth:
    """What is true of a recipe: its speed-up at equal threads, the share of answers it spoils."""

    speedup: float = 1.0
    loss: float = 0.0
    build_s: float = 2.0
    breaks: str = ""
    """Where it fails: "build", "race" or "judge"; empty: nowhere."""
    mends_to: tuple[str, ...] = ()
    same_as: str = ""


@dataclass
class SimulatedMachine:
    """An Instrument whose answers come from `truths` and a seeded noise.

    Args:
        truths: by spelling; what is missing is as fast and good as the original.
        threads_bring: by number of threads, over one.
        samples: in the validation split.
        at_once: on how many of them a judgement gets at most; one that is judged again has seen as
            many before.
        judging: seconds of a judgement, which the search is told; else 2, and it is not.
    """

    truths: dict[str, Truth]
    seed: int = 0
    threads_bring: dict[int, float] = field(default_factory=lambda: {1: 1.0, 2: 1.7})
    samples: int = 2000
    at_once: int = 2000
    judging: float | None = None
    clock: float = 0.0
    done: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)
        self._logs: dict[Recipe, list[np.ndarray]] = {}
        self._judged: dict[Recipe, tuple[Interval, int]] = {}
        self._cheap: set[Recipe] = set()

    def now(self) -> float:
        return self.clock

    def truth(self, recipe: Recipe) -> Truth:
        return self.truths.get(recipe.spelling, Truth())

    def prepare(self, recipes: Sequence[Recipe], *, cheaply: bool) -> Errors:
        self._note("build", recipes)
        for one in recipes:
            self.clock += self.truth(one).build_s * (0.5 if cheaply else 1)
            (self._cheap.add if cheaply else self._cheap.discard)(one)
        return self._broken("build", recipes)

    def same_as(self, recipe: Recipe) -> Recipe | None:
        told = self.truth(recipe).same_as
        return Recipe.parse(told) if told else None

    def race(self, recipes: Sequence[Recipe]) -> Errors:
        self._note("race", recipes)
        self.clock += 1.5 + 0.4 * len(recipes)
        assert len({one.runtime.threads for one in recipes}) == 1
        errors = self._broken("race", recipes)
        for one in recipes:
            if one not in errors:
                self._logs.setdefault(one, []).append(self._process(log(self.truth(one).speedup)))
        return errors

    def _process(self, mean: float) -> np.ndarray:
        """Log ratios of the rounds of one process."""
        return self._random.normal(mean + self._random.normal(0, BETWEEN), WITHIN, ROUNDS)

    def reading(self, recipe: Recipe) -> Reading | None:
        logs = self._logs.get(recipe)
        if not logs:
            return None
        threads, original = recipe.runtime.threads, recipe.is_baseline
        loss, n = self._judged.get(recipe, (None, 0))
        facts = Facts(
            name=recipe.spelling,
            threads=threads,
            is_original=original,
            gain=self._gain(recipe, logs),
            alike=EVEN if original else ratio_interval(logs),
            loss=loss,
            samples=n,
            whole=n == self.samples,
        )
        return Reading(facts, processes=len(logs), cheap=recipe in self._cheap)

    def _gain(self, recipe: Recipe, logs: list[np.ndarray]) -> Interval:
        if recipe.is_baseline and recipe.runtime.threads == 1:
            return EVEN
        bring = log(self.threads_bring[recipe.runtime.threads])
        return ratio_interval([one + bring for one in logs])

    def judging_seconds(self, recipe: Recipe, within: float | None) -> float | None:
        return self.judging

    def judge(self, recipe: Recipe, within: float | None, *, briefly: bool = False) -> Errors:
        self._note("glance" if briefly else "judge", [recipe])
        self.clock += 1.0 if briefly else self.judging or 2.0
        errors = self._broken("judge", [recipe])
        if not errors:
            before = self._judged[recipe][1] if recipe in self._judged else 0
            n = 64 if briefly else min(self.samples, before + self.at_once)
            lost = self._random.binomial(n, self.truth(recipe).loss) / n
            half = max(2 * (lost * (1 - lost) / n) ** 0.5, 2.8 / n)
            span = Interval(value=lost, low=lost - half, high=lost + half)
            self._judged[recipe] = span, n
        return errors

    def mend(self, recipe: Recipe, within: float) -> Mended:
        self._note("mend", [recipe])
        self.clock += 8.0
        if not self.truth(recipe).mends_to:
            raise StepError("Nothing to mend.", "")
        recipes = tuple(map(Recipe.parse, self.truth(recipe).mends_to))
        return Mended(recipes, "One node does the damage.")

    def _broken(self, where: str, recipes: Sequence[Recipe]) -> Errors:
        return {one: f"broke in {where}" for one in recipes if self.truth(one).breaks == where}

    def _note(self, what: str, recipes: Sequence[Recipe]) -> None:
        self.done.append((what, tuple(one.spelling for one in recipes)))


def gain_of(machine: SimulatedMachine, spelling: str) -> float:
    """The true speed relative to the original on one thread."""
    recipe = Recipe.parse(spelling)
    bring = machine.threads_bring[recipe.runtime.threads]
    return machine.truth(recipe).speedup * bring
