"""What to do next: the steps that are open to a search, with what each may bring."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from optim.recipe import Recipe
from optim.search.field import Candidate, Field
from optim.search.instrument import Reading
from optim.search.predict import Expectation, Predictor, once_known, spreads_of
from optim.search.steps import Costs, Holding, Step, apart, best, expected_improvement
from optim.studies.picking import samples_wanted
from optim.timing.stats import ENOUGH_PROCESSES

_HEAT = 4  # candidates in one process, beside the original
_SMALLER = (2, 1)  # where no such heat fits in the time that is left
_MOST_PROCESSES = 8
_SLACK = 1.2  # of the seconds that a judgement is expected to take
_BY_CHANCE = 0.3  # of log gain, by which one process may well be off where threads share a machine
_LONG, _GLANCE = 8.0, 3.0
"""Seconds of a judgement before which others are glanced at, and of a glance."""
_SEEN_WITHIN = 0.9  # how often a loss is, that was within the limit on the first samples
_NARROW = 0.025  # half-width of an interval that more processes hardly help
_LITTLE = 0.001  # of log gain, for which nothing more is judged or timed again
_HARDLY = 1e-4  # for which nothing new is tried: what was not tried is known least
_MENDING_COSTS, _MENDING_WORKS = 0.08, 0.5

_FIRST = 10.0  # more than any hope: the original is seen at once

Hope = tuple[float, Recipe]


class Plan:
    """Chooses the next step of a search by expected gain for each second."""

    def __init__(self, field: Field, predictor: Predictor) -> None:
        self._field, self._predictor = field, predictor
        self.costs, self.holding = Costs(), Holding()

    def next(self, left: float) -> Step | None:
        """The best step that fits in the seconds left; None where nothing is worth it.

        The last seconds are kept for showing that what leads does lead.
        """
        settling = list(self._settlings())
        if settling and left < 3 * self.costs.heat(2):
            return best(settling, left)
        judgings = list(self._judgings())
        others = [*settling, *judgings, *self._mendings()]
        worth_it = [one for one in others if one.worth > _LITTLE]
        heat = self._heat_in(left - self._kept_for(judgings))
        found = best([*worth_it, *([heat] if heat else [])], left)
        if found and found.kind == "judge":
            found = self._glance_before(found, left) or found
        return found or best(self._last_resorts(judgings, left), left)

    def _kept_for(self, judgings: Iterable[Step]) -> float:
        """Seconds without which the most hopeful of those that were timed could not be judged, nor
        what is faster be glanced at before."""
        most = max(judgings, key=lambda one: one.worth, default=None)
        if most is None:
            return 0.0
        glance = self.costs.of("build") + _GLANCE if most.seconds > _LONG else 0.0
        return _SLACK * most.seconds + glance

    def _glance_before(self, judging: Step, left: float) -> Step | None:
        """A few answers of what was timed to be faster, where judging takes long: what is far off
        shows it there, and what is not deserves the time more."""
        mine = self._field.reading(self._field[judging.recipes[0]])
        if mine is None or judging.seconds < _LONG:
            return None
        rivals = [
            (self._field.worth(reading.facts)[0], one)
            for one, reading in self._field.timed()
            if not one.judged and not one.recipe.is_baseline
        ]
        if not rivals:
            return None
        worth, rival = max(rivals, key=lambda pair: pair[0])
        seconds = self._builds(rival) + _GLANCE
        fits = seconds + _SLACK * judging.seconds <= left
        if not fits or worth <= self._field.worth(mine.facts)[0]:
            return None
        return Step("glance", (rival.recipe,), worth, seconds)

    def _builds(self, one: Candidate) -> float:
        """Seconds until it is built in full."""
        return 0.0 if one.prepared else self.costs.of("build") + one.recipe.most_seconds

    def _last_resorts(self, judgings: Iterable[Step], left: float) -> Iterator[Step]:
        """Where nothing else fits or is worth it: the original at least; as much of a judgement as
        there is time for; what one process showed to be nearly as fast as the lead timed again,
        since some are slow by chance."""
        if not any(self._field.timed()):
            yield from self._timings(self._groups(), 1)
        for one in judgings:
            if one.worth > _LITTLE and one.recipes[0].most_seconds < left:
                yield replace(one, seconds=left)
        once = [
            (self._field.worth(reading.facts)[0], one.recipe)
            for one, reading in self._field.timed()
            if reading.processes == 1 and not one.is_reference and not self._field.loses(reading)
        ]
        near = [pair for pair in once if pair[0] > max(0.0, self._field.lead - _BY_CHANCE)]
        for top in _heats(near):
            yield Step("settle", _recipes(top), _LITTLE, self._heat(top))

    def _heat_in(self, left: float) -> Step | None:
        """The best full heat, or the best smaller one where none of those fits in these seconds."""
        groups = self._groups()
        found = best(self._timings(groups, _HEAT), left)
        if found is None and any(self._field.timed()):
            smaller = (step for most in _SMALLER for step in self._timings(groups, most))
            return best(smaller, left)
        return found

    def _groups(self) -> list[list[Hope]]:
        """What promises most, for each number of threads and kind of child."""
        waiting = sorted(self._field.waiting(), key=lambda one: _process(one.recipe))
        groups = groupby(waiting, key=lambda one: _process(one.recipe))
        return [self._most_hopeful(list(group), _HEAT) for _, group in groups]

    def _timings(self, groups: Iterable[list[Hope]], most: int) -> Iterator[Step]:
        """A heat of each group's first, as far as it is worth a try."""
        for top in (hopes[:most] for hopes in groups):
            builds = sum(bool(recipe.passes) for _, recipe in top)
            seconds = self.costs.of("build") * builds + self._heat(top)
            worth = sum(hope for hope, _ in top)
            if worth > _HARDLY:
                yield Step("time", _recipes(top), worth, seconds)

    def _most_hopeful(self, waiting: Sequence[Candidate], most: int) -> list[Hope]:
        """So many of them, each for what it may bring beside those before it: what is much like
        one of these is known when that is, and what they may bring is the lead to beat ("Kriging
        believer": Ginsbourger, Le Riche and Carraro, "Kriging Is Well-Suited to Parallelize
        Optimization", 2010)."""
        means, covariance = self._predictor.together([one.recipe for one in waiting])
        left, found, lead = list(range(len(waiting))), list[Hope](), self._field.lead
        while left and len(found) < most:
            spreads = spreads_of(covariance)
            wanted = {
                place: self._field.expected(
                    waiting[place], Expectation(float(means[place]), float(spreads[place]))
                )
                for place in left
            }
            beside = {place: self._hope(waiting[place], wanted[place], lead) for place in left}
            place = max(left, key=lambda one: (beside[one], waiting[one].recipe.spelling))
            one = waiting[place]
            found.append((self._hope(one, wanted[place], self._field.lead), one.recipe))
            lead += 0.0 if one.is_reference else beside[place]
            left.remove(place)
            covariance = once_known(covariance, place)
        return found

    def _hope(self, one: Candidate, wanted: Expectation, lead: float) -> float:
        """How far above this lead it may turn out, and within the limit."""
        if one.is_reference:
            return _FIRST
        improved = expected_improvement(wanted.mean, wanted.spread, lead)
        return improved * self.holding.chance(one.recipe)

    def _judgings(self) -> Iterator[Step]:
        for one, reading in self._field.timed():
            if one.judged_again or one.recipe.is_baseline:
                continue
            longer = self._longer(reading) if one.judged else 1.0
            if longer:
                worth = self._chance(one, reading) * self._field.hope(reading)
                judges = self._field.judging_seconds(one) or longer * self.costs.of("judge")
                yield Step("judge", (one.recipe,), worth, self._builds(one) + judges)

    def _chance(self, one: Candidate, reading: Reading) -> float:
        """How likely its loss is within the limit, as far as it was judged."""
        loss, limit = reading.facts.loss, self._field.goal.max_loss
        if loss is None or limit is None:
            return self.holding.chance(one.recipe)
        return _SEEN_WITHIN if loss.value <= limit else 1 - _SEEN_WITHIN

    def _longer(self, reading: Reading) -> float | None:
        """How many times as many samples would show that a loss is within the limit, where those
        it was judged on do not tell; None where they do, or where no number would."""
        facts = reading.facts
        if not self._field.samples_missing(reading) or facts.loss is None:
            return None
        wanted = samples_wanted(facts.loss, facts.samples, self._field.goal.max_loss)
        return wanted / facts.samples if wanted else None

    def _mendings(self) -> Iterator[Step]:
        for one, reading in self._field.timed():
            lowered = any(part.lowers_to for part in one.recipe.passes)
            known = one.judged and not self._field.samples_missing(reading)
            if lowered and known and not one.mended and self._field.loses(reading):
                worth = _MENDING_WORKS * self._field.hope(reading, _MENDING_COSTS)
                yield Step("mend", (one.recipe,), worth, self.costs.of("mend"))

    def _settlings(self) -> Iterator[Step]:
        """One more process for those whose order is open: the pick, and who may yet be it."""
        open_ones = [
            (self._worth_showing(one, reading), one.recipe)
            for one, reading in self._field.timed()
            if self._may_lead(one, reading)
        ]
        for top in _heats([pair for pair in open_ones if pair[0] > _LITTLE / 2]):
            yield Step("settle", _recipes(top), top[0][0], self._heat(top))

    def _heat(self, top: Sequence[Hope]) -> float:
        """Its seconds."""
        return self.costs.heat(len(top), apart(top[0][1]))

    def _may_lead(self, one: Candidate, reading: Reading) -> bool:
        """Whether nothing but its speed is open."""
        if one.recipe.is_baseline:
            return not one.is_reference
        return one.prepared and one.judged and not self._field.loses(reading)

    def _worth_showing(self, one: Candidate, reading: Reading) -> float:
        """What one more process may bring: another one found to lead, or a lead shown."""
        narrow = reading.facts.gain.half_width <= _NARROW and not reading.cheap
        settled = narrow and reading.processes >= ENOUGH_PROCESSES
        if settled or reading.processes >= _MOST_PROCESSES:
            return 0.0
        if not self._field.hope(reading):
            return 0.0
        worth = self._field.gradient(one, reading)
        few = reading.cheap or reading.processes < ENOUGH_PROCESSES
        return max(worth, 1.5 * _LITTLE) if few and self._field.is_picked(one) else worth


def _heats(hopes: Sequence[Hope]) -> Iterator[list[Hope]]:
    """The most hopeful for each number of threads and each kind of child, as many as one takes."""
    ordered = sorted(hopes, key=lambda pair: (_process(pair[1]), -pair[0], pair[1].spelling))
    for _, group in groupby(ordered, key=lambda pair: _process(pair[1])):
        yield list(group)[:_HEAT]


def _process(recipe: Recipe) -> tuple[int, str]:
    return recipe.runtime.threads, apart(recipe)


def _recipes(hopes: Sequence[Hope]) -> tuple[Recipe, ...]:
    return tuple(recipe for _, recipe in hopes)
