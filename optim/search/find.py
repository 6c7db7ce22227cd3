"""Find the best: spend the seconds where they are expected to gain most, and decide on intervals.

Time first, judge second. Candidates are built cheaply and raced in heats; what may still win is
built in full and judged, as far as it takes to know on which side of the limit its loss lies; what
is fast and loses too much is mended; what leads is timed in further processes until its lead is
shown. Every step is chosen by expected gain for each second; the same readings give the same
choices.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from optim.errors import Cancelled, OptimError
from optim.recipe import Recipe
from optim.search.field import Candidate, Field
from optim.search.instrument import Errors, Instrument
from optim.search.news import News, news_of
from optim.search.plan import Plan
from optim.search.predict import Expectation, Predictor
from optim.search.steps import Step, apart
from optim.studies.goal import Goal
from optim.studies.picking import Facts


class Search:
    """One search; `run` it once.

    Args:
        budget: seconds, by the instrument's clock.
        pool: what may be tried, the original on one thread first.
        near: neighbours of a recipe that leads.
        cores: how many a run may use, where the goal does not say.
        on_news: called before every step with what it will do, and at the end.
    """

    def __init__(
        self,
        instrument: Instrument,
        predictor: Predictor,
        goal: Goal,
        *,
        budget: float,
        pool: Sequence[Recipe],
        near: Callable[[Recipe], Iterable[Recipe]] = lambda recipe: (),
        cores: int = 1,
        on_news: Callable[[News], None] = lambda news: None,
    ) -> None:
        self._instrument, self._predictor = instrument, predictor
        self._budget, self._near, self._on_news = budget, near, on_news
        self.field = Field(pool, instrument, goal, cores)
        self._plan = Plan(self.field, predictor)

    def run(self) -> Facts | None:
        """Search until the budget is spent or nothing is worth trying; returns the pick."""
        for one, _ in self.field.timed():  # what is known of the study already counts
            self._learn(one.recipe)
        with suppress(Cancelled):  # by who asked, or since the budget is spent: the best so far
            self._go_on()
        self.field.refresh()
        self._on_news(self.news())
        return self.field.picked

    def _go_on(self) -> None:
        while (step := self._next()) is not None:
            self._on_news(self.news(step))
            getattr(self, f"_{step.kind}")(step.recipes)
            self.field.refresh()
            self._widen()

    def _next(self) -> Step | None:
        """What to do; where nothing is worth it, once more with what is near the next best."""
        while (step := self._plan.next(self._budget - self._instrument.now())) is None:
            unspread = [one for one in self.field.allowed() if not one.spread_out]
            if not unspread:
                return None
            self._spread_out(unspread[0])
        return step

    def news(self, step: Step | None = None) -> News:
        """Where it stands, and which step it takes."""
        return news_of(self.field, self._predictor, self._instrument.now(), step)

    def _time(self, recipes: Sequence[Recipe]) -> None:
        self._prepare([one for one in recipes if one.passes], cheaply=True)
        self._race(recipes)

    def _settle(self, recipes: Sequence[Recipe]) -> None:
        self._race(recipes)

    def _glance(self, recipes: Sequence[Recipe]) -> None:
        self._judge(recipes, briefly=True)

    def _judge(self, recipes: Sequence[Recipe], *, briefly: bool = False) -> None:
        self._prepare([one for one in recipes if not self.field[one].prepared], cheaply=False)
        for recipe in recipes:
            one, began = self.field[recipe], self._instrument.now()
            if not one.failed:
                limit = self.field.goal.max_loss
                self._fail(self._instrument.judge(recipe, limit, briefly=briefly))
                if not briefly:
                    self._plan.costs.learn("judge", self._instrument.now() - began)
                one.judged_again, one.judged = one.judged, True
            self.field.refresh()
            reading = self.field.reading(one)
            if reading and not one.failed and not self.field.samples_missing(reading):
                self._plan.holding.learn(recipe, not self.field.loses(reading))

    def _mend(self, recipes: Sequence[Recipe]) -> None:
        for recipe in recipes:
            one, began = self.field[recipe], self._instrument.now()
            one.mended = True
            try:
                found = self._instrument.mend(recipe, self.field.goal.max_loss)
                one.notes.append(found.why)
                self.field.add(found.recipes)
            except Cancelled:
                raise
            except OptimError as error:
                one.notes.append(str(error))
            self._plan.costs.learn("mend", self._instrument.now() - began)

    def _prepare(self, recipes: Sequence[Recipe], *, cheaply: bool) -> None:
        if recipes:
            began = self._instrument.now()
            self._fail(self._instrument.prepare(recipes, cheaply=cheaply))
            if cheaply or not any(
                one.most_seconds for one in recipes
            ):  # what trains says nothing of others
                self._plan.costs.learn("build", self._instrument.now() - began, len(recipes))
            for one in recipes:
                self.field[one].prepared |= not cheaply
                self._leave_out_if_same(one)

    def _leave_out_if_same(self, recipe: Recipe) -> None:
        """The later of two that turned out to be the same is done with."""
        same = self._instrument.same_as(recipe)
        if same and self.field.has(same) and not self.field[same].failed:
            self.field[recipe].failed = f"It is the same model as {same}, on the same engine."
            self.field[recipe].same = True

    def _race(self, recipes: Sequence[Recipe]) -> None:
        racing = [one for one in recipes if not self.field[one].failed]
        if racing:
            began = self._instrument.now()
            self._fail(self._instrument.race(racing))
            spent = self._instrument.now() - began
            self._plan.costs.learn_heat(spent, len(racing), apart(racing[0]))
            for one in racing:
                self._learn(one)

    def _learn(self, recipe: Recipe) -> None:
        if reading := self._instrument.reading(recipe):
            known = Expectation.of(reading.facts.gain)
            self._predictor.learn(recipe, known.mean, known.spread)

    def _fail(self, errors: Errors) -> None:
        for recipe, why in errors.items():
            self.field[recipe].failed = why

    def _widen(self) -> None:
        """Once for each that leads, its neighbours become candidates, but for those as fast as one
        that is there: what they change is the loss, and that holds."""
        for one in self.field:
            if not one.spread_out and self.field.is_picked(one):
                self._spread_out(one)

    def _spread_out(self, one: Candidate) -> None:
        one.spread_out = True
        there = {other.recipe.cheaply() for other in self.field}
        near = self._near(one.recipe)
        self.field.add(new for new in near if new.cheaply() not in there)
