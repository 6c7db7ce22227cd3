"""The program's own search, as it is, on a stored grid in the machine's place."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from bench.strategies.game import Game, TimeIsUp
from bench.table import Candidate, passes_of
from optim.errors import Cancelled, StepError
from optim.findings import EVEN, Interval
from optim.recipe import Recipe
from optim.search.find import Search
from optim.search.instrument import Errors, Mended, Reading
from optim.search.news import News
from optim.search.predict import Predictor
from optim.search.prior import prior_for
from optim.search.space import around, candidates
from optim.studies.goal import Goal
from optim.studies.picking import Facts
from optim.timing.stats import ratio_interval

_WITHIN, _ROUNDS = 0.04, 12
"""Spread of the rounds of one process around what it shows, as seen on real machines."""
_MEND_SECONDS = 1.0
_SPENT = Cancelled("The budget is spent.", "")


def this_search(game: Game) -> None:
    """Search among what the grid holds, with the game's budget and limit."""
    table, here, machine = game.table, game.table.circumstances, StoredMachine(game)

    def stored(recipes: Sequence[Recipe]) -> list[Recipe]:
        return [one for one in recipes if one.spelling in table.candidates]

    search = Search(
        machine,
        Predictor(table.mix, prior_for(here, table.mix)),
        Goal(max_loss=game.limit),
        budget=game.budget,
        pool=stored(candidates(here, here.cores)),
        near=lambda recipe: stored(around(recipe, here, here.cores)),
        cores=here.cores,
        on_news=lambda news: machine.note(news),
    )
    search.run()


class StoredMachine:
    """An Instrument that answers from a grid: nothing is built, what it took is charged.

    Every judgement is charged as one on all samples, where a real machine stops early. Repairs are
    in no grid, so none is found.
    """

    def __init__(self, game: Game) -> None:
        self._game = game
        self._measured = game.table.measured
        self._logs: dict[str, list[float]] = {}
        self._judged: set[str] = set()
        self._cheap: set[str] = set()
        self._prepared: dict[str, None] = {}

    def now(self) -> float:
        """The game's clock."""
        return self._game.clock

    def note(self, news: News) -> None:
        """Keep what the search would answer now."""
        picked = [row.recipe for row in news.rows if row.state == "picked"]
        own = Recipe.baseline().spelling
        self._game.note(picked[0] if picked and picked[0] != own else "", self._judged)

    def prepare(self, recipes: Sequence[Recipe], *, cheaply: bool) -> Errors:
        """Charge their builds; what is not in the grid or failed there fails."""
        errors = {}
        for recipe in recipes:
            stored = self._game.table.candidates.get(recipe.spelling, Candidate())
            with self._until_spent():
                self._game.build(recipe.spelling, cheaply=cheaply)
            (self._cheap.add if cheaply else self._cheap.discard)(recipe.spelling)
            self._prepared[recipe.spelling] = None
            if recipe.spelling not in self._measured:
                errors[recipe] = stored.error or "It is not in the grid."
        return errors

    def same_as(self, recipe: Recipe) -> Recipe | None:
        """As the grid has it: the original, or the first that was prepared, of the same model."""
        mine = self._stands_for(recipe.spelling)
        alike = (one for one in self._prepared if self._stands_for(one) == mine)
        first = next(alike) if passes_of(mine) else mine
        return Recipe.parse(first) if first != recipe.spelling else None

    def _stands_for(self, spelling: str) -> str:
        stored = self._game.table.candidates.get(spelling)
        return (stored and stored.same_as) or spelling

    def race(self, recipes: Sequence[Recipe]) -> Errors:
        """One process more for each: the longest slice, and what of the others is their own."""
        stored = [self._measured[one.spelling] for one in recipes]
        longest = max(stored, key=lambda one: one.slice_seconds)
        own = sum(one.own_seconds for one in stored) - longest.own_seconds
        self._spend(longest.slice_seconds + own)
        for one in recipes:
            seen = self._measured[one.spelling].seen(self._game.rng)
            self._logs.setdefault(one.spelling, []).append(float(np.log(seen)))
        return {}

    def reading(self, recipe: Recipe) -> Reading | None:
        """What was shown so far, with the intervals that such processes give."""
        logs, stored = self._logs.get(recipe.spelling), self._measured.get(recipe.spelling)
        if not logs or not stored:
            return None
        judged, threads = recipe.spelling in self._judged, recipe.runtime.threads
        reference = recipe.is_baseline and threads == 1
        facts = Facts(
            name=recipe.spelling,
            threads=threads,
            is_original=recipe.is_baseline,
            gain=EVEN if reference else _interval(tuple(logs)),
            alike=EVEN if recipe.is_baseline else _interval(_at_equal_threads(logs, stored)),
            loss=stored.loss if judged else None,
            samples=stored.samples if judged else 0,
            whole=judged,
            sound=stored.sound,
        )
        return Reading(facts, len(logs), cheap=recipe.spelling in self._cheap)

    def judging_seconds(self, recipe: Recipe, within: float | None) -> float | None:
        """Left to what the search learns of the judgements it paid for."""
        return None

    def judge(self, recipe: Recipe, within: float | None, *, briefly: bool = False) -> Errors:
        """Charge the judgement on all samples."""
        self._spend(self._measured[recipe.spelling].judge_seconds)
        self._judged.add(recipe.spelling)
        return {}

    def mend(self, recipe: Recipe, within: float) -> Mended:
        """Raises StepError, after a while."""
        self._spend(_MEND_SECONDS)
        raise StepError("What a repair would find is not in the grid.", "")

    def _spend(self, seconds: float) -> None:
        with self._until_spent():
            self._game.spend(seconds)

    @staticmethod
    @contextmanager
    def _until_spent() -> Iterator[None]:
        try:
            yield
        except TimeIsUp:
            raise _SPENT from None


@lru_cache(maxsize=4096)
def _interval(logs: tuple[float, ...]) -> Interval:
    return ratio_interval([log + _rounds(turn) for turn, log in enumerate(logs)])


@cache
def _rounds(turn: int) -> NDArray[np.float64]:
    """How the rounds of a process lie around what it shows."""
    spread = np.random.default_rng(turn).normal(0, _WITHIN, _ROUNDS)
    return np.asarray(spread - np.median(spread))


def _at_equal_threads(logs: Sequence[float], stored: Candidate) -> tuple[float, ...]:
    """Without what more threads alone bring to the original."""
    brought = float(np.mean(stored.thread_logs)) if stored.thread_logs else 0.0
    return tuple(one - brought for one in logs)
