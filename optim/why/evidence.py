"""What findings may look at: a recipe on a model, as built, timed, judged, profiled and watched."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from optim.evalset import EvalSet
from optim.explaining.executed import Executed, Side, executed
from optim.graph.values import Analysis, NodeRow
from optim.graph.wiring import Wiring
from optim.model import Model
from optim.part import Circumstances, Ingredient
from optim.probing import Probe
from optim.recipe import Recipe
from optim.studies.trial import Trial
from optim.why.jump import Jump
from optim.why.observing import Observed

_LABELS, _NEAR_CHANCE = "labels_do_not_fit", "original_near_chance"


@dataclass(frozen=True)
class Evidence:
    """Everything known of one trial.

    `befores` are profiles of the original on ONNX Runtime as it comes, `afters` those of the
    recipe, each of a process of its own; both run with the recipe's number of threads. `observed`
    is what was seen of the original on samples, `jump` where the error jumps, looked up only where
    quality was lost.
    """

    original: Model
    optimized: Model
    evalset: EvalSet
    trial: Trial
    befores: Sequence[Side]
    afters: Sequence[Side]
    observed: Observed
    jump: Jump | None
    here: Circumstances
    probe: Probe | None = None

    @property
    def before(self) -> Side:
        """The original's shortest profile, which was disturbed least."""
        return _shortest(self.befores)

    @property
    def after(self) -> Side:
        """The recipe's."""
        return _shortest(self.afters)

    @property
    def recipe(self) -> Recipe:
        """The trial's."""
        return self.trial.recipe

    @property
    def graph(self) -> Analysis:
        """The optimized model's."""
        return self.after.analysis

    @property
    def engine(self) -> str:
        """Name of the runtime."""
        return self.recipe.runtime.name

    @property
    def p50_ms(self) -> float:
        """Median of a run."""
        return (self.after.p50_us or self.after.total_us) / 1e3

    @cached_property
    def executed(self) -> tuple[Executed, ...]:
        """What the engine ran of the recipe's model."""
        return executed(self.after)

    @cached_property
    def executed_before(self) -> tuple[Executed, ...]:
        """What ONNX Runtime ran of the original."""
        return executed(self.before)

    @cached_property
    def rows(self) -> dict[str, NodeRow]:
        """Rows of the optimized graph by name."""
        return {row.name: row for row in self.graph.nodes}

    @cached_property
    def wiring(self) -> Wiring:
        """Who makes and reads each value of the optimized graph."""
        return Wiring(self.graph)

    @cached_property
    def names_before(self) -> frozenset[str]:
        """Names of the original's nodes."""
        return frozenset(row.name for row in self.before.analysis.nodes)

    @property
    def judged(self) -> str:
        """The output that labels are held against; empty where all are compared."""
        if not self.evalset.labelled:
            return ""
        return self.evalset.judged(self.evalset.of_one(self.original.outputs)).name

    @property
    def labels_doubted(self) -> tuple[str, ...]:
        """What the judgement said where labels seem not to be those of the model's classes."""
        return self._judged(_LABELS)

    @property
    def near_chance(self) -> tuple[str, ...]:
        """What it said where the original answers no better than by guessing."""
        return self._judged(_NEAR_CHANCE)

    def _judged(self, code: str) -> tuple[str, ...]:
        quality = self.trial.quality
        warnings = quality.warnings if quality else ()
        return tuple(one.text for one in warnings if one.code == code)

    def part(self, name: str) -> Ingredient | None:
        """The recipe's pass or runtime of that name."""
        return next((part for part in self.recipe.parts if part.name == name), None)

    def ms(self, works: Iterable[Executed]) -> float:
        """What executed nodes of either side take of a run, in ms."""
        return sum(work.microseconds for work in works) / 1e3

    def share(self, works: Iterable[Executed]) -> float:
        """Of a run, 0 to 1."""
        return self.ms(works) / self.p50_ms if self.p50_ms else 0.0


def _shortest(profiles: Sequence[Side]) -> Side:
    return min(profiles, key=lambda side: side.total_us)
