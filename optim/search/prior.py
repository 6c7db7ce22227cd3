"""What to expect of a recipe where nothing like it was timed yet."""

from collections.abc import Callable
from dataclasses import replace
from math import log

from optim.part import Circumstances
from optim.recipe import Recipe
from optim.search.space import ranks

_LOWER = 0.15  # of log gain, for a precision below that of the model
_HAZARD = 0.1  # less, for each thing known to hurt
_RANK = 0.001  # less, for each place in the declared order
_UNDECLARED = 0.03
_THREADS = 0.6  # of the log of their number


def prior_for(here: Circumstances) -> Callable[[Recipe], float]:
    """The log gain to expect of recipes on the model and machine at hand."""
    order = ranks(here)

    def expected(recipe: Recipe) -> float:
        with_it = replace(here, recipe=recipe.parts)
        hazards = sum(h.when(part, with_it) for part in recipe.parts for h in part.hazards)
        lowered = any(part.lowers_to for part in recipe.parts)
        rank = _RANK * order.get(recipe.passes, 0) if recipe.passes in order else _UNDECLARED
        threads = _THREADS * log(recipe.runtime.threads)
        return _LOWER * lowered - _HAZARD * hazards - rank + threads

    return expected
