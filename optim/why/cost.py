"""What a finding costs, measured: the recipe against the one that would mend it, timed together.

Those with as many threads share processes and rounds with the recipe. Where the mending recipe has
another number of threads, both are compared with the original on one thread, beside each.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from optim.build import built
from optim.errors import OptimError
from optim.evalset import EvalSet
from optim.findings import Interval
from optim.model import Model
from optim.recipe import Recipe
from optim.timing.measure import Contender, heat_of
from optim.timing.measurement import CANDIDATE, Measurement, Slice
from optim.timing.stats import ratio_interval, summarize
from optim.why.finding import Finding, dearest_first
from optim.why.telling import Tell, part

_PROCESSES = 3
_SECONDS_EACH = 0.7  # of a process, for each contender
_MOST = 6  # mending recipes that are tried
_BUILT = 0.3  # of the time for some recipes, that building them takes


class Costs:
    """Times a recipe and those that would mend it, on one model and EvalSet."""

    def __init__(
        self,
        model: Model,
        evalset: EvalSet,
        recipe: Recipe,
        tell: Tell,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._model, self._evalset, self._recipe = model, evalset, recipe
        self._tell, self._cancelled = tell, cancelled

    def of(self, findings: Sequence[Finding], p50_ms: float) -> tuple[Finding, ...]:
        """The findings, with measured costs where their recipes could be timed, dearest first."""
        concerned = [one for one in findings if one.recipe and one.concerns == "time"]
        wanted = {one.recipe: Recipe.parse(one.recipe) for one in concerned}
        ratios = self._ratios(list(dict.fromkeys(wanted.values()))[:_MOST])
        costs = {
            text: _cost(ratios[recipe.spelling], p50_ms)
            for text, recipe in wanted.items()
            if recipe.spelling in ratios
        }
        threads = self._recipe.runtime.threads
        fewer = {text for text, recipe in wanted.items() if recipe.runtime.threads < threads}
        return dearest_first(
            with_measured(one, costs, saves=one.recipe in fewer) if one in concerned else one
            for one in findings
        )

    def _ratios(self, recipes: Sequence[Recipe]) -> dict[str, Interval]:
        """How many times slower the recipe is than each of these that could be timed."""
        threads = self._recipe.runtime.threads
        alike = [one for one in recipes if one.runtime.threads == threads]
        others = [one for one in recipes if one.runtime.threads != threads]
        ended = len(alike) / max(1, len(recipes))
        found = self._together(alike, part(self._tell, 0, ended))
        for number, one in enumerate(others, len(alike)):
            at, to = number / len(recipes), (number + 1) / len(recipes)
            ratio = self._apart(one, part(self._tell, at, to))
            if ratio:
                found[one.spelling] = ratio
        return found

    def _together(self, recipes: Sequence[Recipe], tell: Tell) -> dict[str, Interval]:
        if not recipes:
            return {}
        contenders = self._made([self._recipe, *recipes], tell)
        if len(contenders) < 2 or self._recipe.spelling not in contenders:
            return {}
        heats = self._heats(list(contenders.values()), tell)
        names = list(contenders)
        ours = [heat[0] for heat in heats]
        return {
            name: ratio_interval([_logs(*pair) for pair in pairs])
            for place, name in enumerate(names)
            if place and (pairs := _paired(ours, [heat[place] for heat in heats]))
        }

    def _apart(self, other: Recipe, tell: Tell) -> Interval | None:
        gains = []
        for place, contender in enumerate(self._made([self._recipe, other], tell).values()):
            one = part(tell, place / 2, (place + 1) / 2)
            slices = [heat[0] for heat in self._heats([contender], one)]
            if any(isinstance(piece, OptimError) for piece in slices):
                return None
            taken = tuple(piece for piece in slices if isinstance(piece, Slice))
            gains.append(summarize(Measurement(slices=taken)).gain)
        return ratio_of(gains[1], gains[0]) if len(gains) == 2 else None

    def _made(self, recipes: Sequence[Recipe], tell: Tell) -> Mapping[str, Contender]:
        """What can be built of them, by spelling, with cheap ranges: they are as fast.

        What comes to the same as an earlier one is left out.
        """
        found: dict[str, Contender] = {}
        seen: set[tuple[str, str]] = set()
        for number, recipe in enumerate(recipes):
            tell(f"building {recipe}", _BUILT * number / len(recipes))
            try:
                model = built(self._model, recipe.cheaply(), self._evalset, self._cancelled).model
            except OptimError:
                continue  # it mends nothing here
            same = (model.digest, recipe.runtime.spelling)
            if same not in seen:
                seen.add(same)
                found[recipe.spelling] = Contender(model, recipe)
        return found

    def _heats(self, contenders: Sequence[Contender], tell: Tell) -> list[list[Slice | OptimError]]:
        seconds = _SECONDS_EACH * (1 + len(contenders))
        taken = []
        for number in range(_PROCESSES):
            what = f"timing {len(contenders)} side by side, {number + 1} of {_PROCESSES}"
            tell(what, _BUILT + (1 - _BUILT) * number / _PROCESSES)
            taken.append(
                heat_of(
                    contenders,
                    self._model,
                    self._evalset,
                    seconds=seconds,
                    seed=number,
                    cancelled=self._cancelled,
                )
            )
        return taken


def with_measured(finding: Finding, costs: Mapping[str, Interval], saves: bool = False) -> Finding:
    """With its measured cost; a recipe that was tried and mends nothing is taken back.

    What was measured stands in place of the estimate then, too: that the mend costs more. Where
    no gain is shown it is no more than a note.

    Args:
        saves: whether the mend is worth having where it is no faster: it needs fewer cores.
    """
    cost = costs.get(finding.recipe)
    if cost is None:
        return finding.model_copy(update={"recipe": ""})
    if cost.high >= 0:
        shown = cost.low > 0 or saves
        return finding.with_cost(cost).model_copy(update={"note": finding.note or not shown})
    advice = f"{finding.advice} Tried here: {finding.recipe} is slower."
    told = {"recipe": "", "advice": advice, "note": True}
    return finding.with_cost(cost).model_copy(update=told)


def _paired(
    ours: Sequence[Slice | OptimError], theirs: Sequence[Slice | OptimError]
) -> list[tuple[Slice, Slice]]:
    pairs = zip(ours, theirs, strict=True)
    return [(a, b) for a, b in pairs if isinstance(a, Slice) and isinstance(b, Slice)]


def _logs(ours: Slice, theirs: Slice) -> np.ndarray:
    """Log of our time over theirs, round by round, as far as both were timed."""
    one, two = (np.log(piece.block_medians(CANDIDATE)) for piece in (ours, theirs))
    shared = min(len(one), len(two))
    return np.asarray(one[:shared] - two[:shared])


def ratio_of(over: Interval, under: Interval) -> Interval:
    """Of two independent ratios; the ends as of a difference of logs."""
    value = math.log(over.value / under.value)
    reach = math.hypot(*(math.log(one.high / one.low) / 2 for one in (over, under)))
    low, middle, high = (math.exp(value + sign * reach) for sign in (-1, 0, 1))
    return Interval(value=middle, low=low, high=high)


def _cost(ratio: Interval, p50_ms: float) -> Interval:
    """What the recipe takes more than one that it is so many times slower than, in ms."""
    value, low, high = (p50_ms * (1 - 1 / end) for end in (ratio.value, ratio.low, ratio.high))
    return Interval(value=value, low=low, high=high)
