"""The field of a search: its candidates, what is known of each, and what leads."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import log, sqrt

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

    `judged_again`: on more samples than there was time for at first, once: two looks are wrong in
    2.5 % of tries each, and so in 5 % together.

    `prepared`: built in full. What was built cheaply has a reading that says so. `failed` says why
    nothing more is done with it; `same`: since it turned out to be the same as another.
    """

    recipe: Recipe
    prepared: bool = False
    judged: bool = False
    judged_again: bool = False
    mended: bool = False
    spread_out: bool = False
    failed: str = ""
    same: bool = False
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

    def has(self, recipe: Recipe) -> bool:
        """Whether it is a candidate."""
        return recipe in self._all

    def add(self, recipes: Iterable[Recipe]) -> None:
        """Candidates that may be new."""
        for recipe in recipes:
            self._all.setdefault(recipe, Candidate(recipe))

    def refresh(self) -> None:
        """Look at the readings anew; what is asked of the field is as it was then."""
        found = {recipe: self._instrument.reading(recipe) for recipe in self._all}
        self._readings = {recipe: reading for recipe, reading in found.items() if reading}
        self._spread = _between(reading for _, reading in self.timed())
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

    def allowed(self) -> list[Candidate]:
        """Those that were timed and not found to lose too much, the fastest first."""
        timed = [(self.worth(r.facts)[0], one) for one, r in self.timed() if not self.loses(r)]
        return [one for _, one in sorted(timed, key=lambda pair: -pair[0])]

    def waiting(self) -> list[Candidate]:
        """Those that were not timed yet."""
        return [one for one in self if not one.failed and not self.reading(one)]

    def judging_seconds(self, one: Candidate) -> float | None:
        """What judging it may take; None where nothing tells."""
        return self._instrument.judging_seconds(one.recipe, self.goal.max_loss)

    def is_picked(self, one: Candidate) -> bool:
        """Whether it is the pick."""
        return self.picked is not None and self.picked.name == one.recipe.spelling

    def worth(self, facts: Facts, processes: int = 1) -> tuple[float, float]:
        """Log of what it gains as the objective counts it, and the standard error of that: as its
        own processes show, and no less than all candidates' processes lie apart here."""
        if self.goal.objective in ("size", "memory"):
            return self._saved(facts), _OF_SAVINGS
        known = Expectation.of(facts.gain)
        spread = max(known.spread, self._spread / sqrt(processes))
        return known.mean - self.shared_by(facts.threads), spread

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
        mean, spread = self.worth(facts, reading.processes)
        return expected_improvement(mean - handicap, spread, self.lead)

    def gradient(self, one: Candidate, reading: Reading) -> float:
        """What one more process may bring by changing who leads: the knowledge gradient (Frazier,
        Powell and Dayanik, "A Knowledge-Gradient Policy for Sequential Information Collection",
        2008). For one that seems to lead and is not shown to, it is what that would bring."""
        mean, spread = self.worth(reading.facts, reading.processes)
        moves = spread / sqrt(reading.processes + 1)
        if self.is_picked(one):
            return expected_improvement(self._closest(one), moves, mean)
        return expected_improvement(mean, spread if mean > self.lead else moves, self.lead)

    def _closest(self, picked: Candidate) -> float:
        """What the best of the others is worth that may be picked in its place."""
        others = (
            self.worth(reading.facts)[0]
            for one, reading in self.timed()
            if one is not picked and one.judged and not self.loses(reading)
        )
        return max(others, default=0.0)

    def standing(self, reading: Reading) -> Standing:
        """Where it stands against the goal."""
        return standing(reading.facts, self.goal, self._cores, len(self._readings))

    def samples_missing(self, reading: Reading) -> bool:
        """Whether it was judged, and on too few samples to tell."""
        return reading.facts.loss is not None and self.standing(reading).place == "loss not known"

    def loses(self, reading: Reading) -> bool:
        """Whether it was judged, and may not be picked for what it answers or takes."""
        place = self.standing(reading).place
        return reading.facts.loss is not None and place not in ("picked", "not faster")


def _between(readings: Iterable[Reading]) -> float:
    """How far apart processes lie on this machine with this model: the standard deviation of log
    gains, pooled over all that were timed in several; 0 where none was."""
    several = [one for one in readings if one.processes > 1 and not one.facts.is_original]
    squares = sum(
        (one.processes - 1) * one.processes * Expectation.of(one.facts.gain).spread ** 2
        for one in several
    )
    return sqrt(squares / sum(one.processes - 1 for one in several)) if several else 0.0
