"""What a search asks of the machine: the protocol between deciding and doing.

The real one builds, times and judges (`machine`); tests and benchmarks put a simulated machine,
or stored measurements, in its place.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from optim.recipe import Recipe
from optim.studies.picking import Facts


@dataclass(frozen=True)
class Reading:
    """What timing says so far. `facts` has the intervals; `processes` how many were timed.

    `cheap`: it was built with cheap ranges, so that its speed counts and nothing else does.
    """

    facts: Facts
    processes: int
    cheap: bool = False


@dataclass(frozen=True)
class Mended:
    """What a repair proposes: recipes to try, best first, and a sentence on what it found."""

    recipes: tuple[Recipe, ...]
    why: str


Errors = Mapping[Recipe, str]
"""What went wrong, a sentence for each recipe that failed."""


class Instrument(Protocol):
    """Does what the search decides. What fails of one recipe is told of that recipe alone."""

    def now(self) -> float:
        """Seconds since the search began."""

    def prepare(self, recipes: Sequence[Recipe], *, cheaply: bool) -> Errors:
        """Build them; `cheaply`: so that their speed is right, whatever they answer."""

    def same_as(self, recipe: Recipe) -> Recipe | None:
        """Another that was prepared, of which this one's passes made the same model on the same
        runtime, so that timing and judging it would tell nothing new."""

    def race(self, recipes: Sequence[Recipe]) -> Errors:
        """Time these, prepared ones on equally many threads, in one process."""

    def reading(self, recipe: Recipe) -> Reading | None:
        """What is known of a recipe's speed, and of its loss where it was judged."""

    def judging_seconds(self, recipe: Recipe, within: float | None) -> float | None:
        """What judging it is expected to take, by what was timed; None where nothing tells."""

    def judge(self, recipe: Recipe, within: float | None, *, briefly: bool = False) -> Errors:
        """Judge what was prepared in full, as far as tells whether the loss is within this, or
        `briefly`, on the first samples: where all is lost they tell."""

    def mend(self, recipe: Recipe, within: float) -> Mended:
        """Propose changes of a recipe that lost too much. Raises OptimError."""
