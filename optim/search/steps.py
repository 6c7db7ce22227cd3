"""The steps of a search, what each may bring and what it costs."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import erf, exp, pi, sqrt
from typing import Literal

from optim.recipe import Recipe

Kind = Literal["time", "glance", "judge", "mend", "settle"]

_SECONDS = {"build": 2.5, "heat": 1.6, "arm": 0.6, "judge": 2.0, "mend": 10.0}
"""What things take where nothing was seen yet; each counts as one observation."""
_HEAT_APART = 6.0
"""As long as nothing was seen of an engine with a child of its own, which may compile first."""
_HOLDS = {"": 0.95, "bf16": 0.9, "fp16": 0.85, "int8": 0.6}
"""How often the loss stays within a limit, by the lowest precision; counts as two observations."""


@dataclass(frozen=True)
class Step:
    """Something to do next: `worth` is what it may add to the log of the gain, on average."""

    kind: Kind
    recipes: tuple[Recipe, ...]
    worth: float
    seconds: float

    @property
    def rate(self) -> float:
        """Expected gain for each second."""
        return self.worth / max(self.seconds, 0.1)


def expected_improvement(mean: float, spread: float, lead: float) -> float:
    """Mean of how far a normal value lies above the lead, 0 where it does not.

    Mockus, "On Bayesian methods for seeking the extremum", 1975; Jones, Schonlau and Welch 1998.
    """
    if spread <= 0:
        return max(0.0, mean - lead)
    z = (mean - lead) / spread
    below, density = (1 + erf(z / sqrt(2))) / 2, exp(-z * z / 2) / sqrt(2 * pi)
    return spread * (z * below + density)


class Costs:
    """Seconds that things take, learned while they are done."""

    def __init__(self) -> None:
        self._seen = {kind: [seconds] for kind, seconds in _SECONDS.items()}

    def of(self, kind: str) -> float:
        """Seconds of one, on average of those seen."""
        seen = self._seen.get(kind, [_HEAT_APART])
        return sum(seen) / len(seen)

    def learn(self, kind: str, seconds: float, count: int = 1) -> None:
        """Take in that so many took this long together."""
        self._seen.setdefault(kind, []).extend([seconds / count] * count)

    def learn_heat(self, seconds: float, arms: int, apart: str = "") -> None:
        """Take in how long a heat took; as a whole that of an engine with a child of its own."""
        if apart:
            self.learn(_heat(apart), max(0.1, seconds - arms * self.of("arm")))
        else:
            self.learn("arm", max(0.1, (seconds - self.of("heat")) / arms))

    def heat(self, arms: int, apart: str = "") -> float:
        """Seconds of a heat. `apart`: the engine's name where it has a child of its own."""
        return self.of(_heat(apart)) + arms * self.of("arm")


def _heat(apart: str) -> str:
    return f"heat of {apart}" if apart else "heat"


def apart(recipe: Recipe) -> str:
    """The name of a recipe's engine where it is timed in a child of its own; else empty."""
    return recipe.runtime.name if recipe.runtime.child else ""


class Holding:
    """How likely a loss within the limit is, learned from what was judged alike."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, ...], list[bool]] = {}

    def chance(self, recipe: Recipe) -> float:
        """Between 0 and 1."""
        prior = min(_HOLDS.get(part.lowers_to, 0.5) for part in recipe.parts)
        seen = self._seen.get(_family(recipe), [])
        return (2 * prior + sum(seen)) / (2 + len(seen))

    def learn(self, recipe: Recipe, held: bool) -> None:
        """Take in a judgement."""
        self._seen.setdefault(_family(recipe), []).append(held)


def _family(recipe: Recipe) -> tuple[str, ...]:
    """Recipes whose losses are much the same: the same passes, whatever they run on."""
    lowered = (f"{part.name} {part.lowers_to}" for part in recipe.parts if part.lowers_to)
    return tuple(lowered)


def best(steps: Iterable[Step], left: float) -> Step | None:
    """The step with the highest rate among those that fit in the seconds left."""
    fitting = [one for one in steps if one.seconds <= left]
    return max(fitting, key=lambda one: (one.rate, one.kind, str(one.recipes)), default=None)
