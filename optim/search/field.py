"""The field of a search: its candidates, what is known of each, and what leads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import log

from optim.recipe import Recipe
from optim.search.instrument import Instrument, Reading
from optim.search.predict import Expectation
from optim.search.steps import expected_improvement
from optim.studies.goal import Goal
from optim.studies.picking import Facts, Standing, pick, standing

_SHRINKS = {"int8": log(3.5), "fp16": log(2)}
"""How many times smaller a file or its memory gets by a precision, about, as a log."""
_OF_SHRINKING, _OF_SAVINGS = 0.3, 0.05  # standard errors, before and after it is known


@dataclass
class Candidate:
    """A recipe under trial, and what was done with it.

    `prepared`: built in full. What was built cheaply has a reading that says so.
    """

    recipe: Recipe
    prepared: bool = False
    judged: bool = False
    mended: bool = False
    spread_out: bool = False
    failed: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def threads(self) -> int:
        """Of its runtime."""
        return self.recipe.runtime.threads

    @property
    def is_reference(self) -> bool:
        """Whether it is the original on one thread, against which all gains are."""
        return self.recipe.is_baseline and self.threads == 1


class Field:
    """The candidates by recipe, in the order in which they came.

    Args:
        cores: how many a run may use, where the goal does not say.
    """

    def __init__(
        self, recipes: Iterable[Recipe], instrument: Instrument, goal: Goal, cores: int
    ) -> None:
        self._all: dict[Recipe, Candidate] = {}
        self._instrument, self.goal, self._cores = instrument, goal, cores
        self.add(recipes)
        self.refresh()

    def __iter__(self) -> Iterator[Candidate]:
        return iter(list(self._all.values()))

    def __getitem__(self, recipe: Recipe) -> Candidate:
        return self._all[recipe]

    def add(self, recipes: Iterable[Recipe]) -> None:
        """Candidates that may be new."""
        for recipe in recipes:
            self._all.setdefault(recipe, Candidate(recipe))

    def refresh(self) -> None:
        """Look at the readings anew; what is asked of the field is as it was then."""
        found = {recipe: self._instrument.reading(recipe) for recipe in self._all}
        self._readings = {recipe: reading for recipe, reading in found.items() if reading}
        for one, reading in self.timed():
            one.prepared |= not reading.cheap
            one.judged |= reading.facts.loss is not None
        known = (reading.facts for _, reading in self.timed() if not reading.cheap)
        self.picked = pick(known, self.goal, self._cores, compared=len(self._readings))
        """What the goal picks among all that is known in full."""
        self.lead = max(0.0, self.worth(self.picked)[0]) if self.picked else 0.0
        """Log of what the pick is worth; that of the original on one thread is 0."""

    def reading(self, one: Candidate) -> Reading | None:
        """What is known of its speed and loss."""
        return self._readings.get(one.recipe)

    def timed(self) -> list[tuple[Candidate, Reading]]:
        """Those that have a reading and did not fail."""
        return [(self[r], reading) for r, reading in self._readings.items() if not self[r].failed]

    def waiting(self) -> list[Candidate]:
        """Those that were not timed yet."""
        return [one for one in self if not one.failed and not self.reading(one)]

    def is_picked(self, one: Candidate) -> bool:
        """Whether it is the pick."""
        return self.picked is not None and self.picked.name == one.recipe.spelling

    def worth(self, facts: Facts) -> tuple[float, float]:
        """Log of what it gains as the objective counts it, and the standard error of that."""
        if self.goal.objective in ("size", "memory"):
            return self._saved(facts), _OF_SAVINGS
        known = Expectation.of(facts.gain)
        return known.mean - self.shared_by(facts.threads), known.spread

    def expected(self, one: Candidate, guess: Expectation) -> Expectation:
        """What to expect of a candidate as the objective counts it, by the speed to expect."""
        if self.goal.objective in ("size", "memory"):
            shrinks = max(_SHRINKS.get(part.lowers_to, 0.0) for part in one.recipe.parts)
            return Expectation(shrinks, _OF_SHRINKING)
        return Expectation(guess.mean - self.shared_by(one.threads), guess.spread)

    def shared_by(self, threads: int) -> float:
        """What the objective takes off for threads, as a log."""
        return log(threads) if self.goal.objective == "throughput" else 0.0

    def _saved(self, facts: Facts) -> float:
        """Log of how many times smaller than the original; 0 where that is not known."""
        original = next((r.facts for one, r in self.timed() if one.is_reference), None)
        sizes = [(one.size_mb, one.memory_mb) for one in (original, facts) if one]
        before, after = (pair[self.goal.objective == "memory"] for pair in (sizes[0], sizes[-1]))
        return log(before / after) if before and after else 0.0

    def hope(self, reading: Reading, handicap: float = 0.0) -> float:
        """How much better than the lead it may turn out; nothing, where it is shown to be slow."""
        facts = reading.facts
        if facts.alike.high < 1 and not facts.is_original:
            return 0.0
        mean, spread = self.worth(facts)
        return expected_improvement(mean - handicap, spread, self.lead)

    def standing(self, reading: Reading) -> Standing:
        """Where it stands against the goal."""
        return standing(reading.facts, self.goal, self._cores, len(self._readings))

    def loses(self, reading: Reading) -> bool:
        """Whether it was judged, and may not be picked for what it answers or takes."""
        place = self.standing(reading).place
        return reading.facts.loss is not None and place not in ("picked", "not faster")
