"""What to expect of a recipe where nothing like it was timed yet."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from math import log

from optim.part import Circumstances, Ingredient, Kind
from optim.recipe import Recipe
from optim.search.predict import Mix
from optim.search.space import ranks

_LOWER = 0.15  # of log gain, for a precision below that of the model
_USUALLY = {"int8": 2.0, "bf16": 2.0}
"""How many times as fast convolutions and products are on CPUs that have instructions for it: only
what is tried first rests on it, and only where the machine was not probed."""
_HAZARD = 0.1  # less, for each thing known to hurt
_RANK = 0.001  # less, for each place in the declared order
_UNDECLARED = 0.03
_THREADS = 0.6  # of the log of their number
_BITS = {"": 32, "int8": 8}
"""Of each precision; the others have 16."""

_NAMES: dict[Kind, str] = {
    "conv": "convolution",
    "depthwise": "grouped convolution",
    "matmul": "product",
    "recurrent": "recurrent",
}
"""The mix's name of each kind."""


def prior_for(here: Circumstances, mix: Mix) -> Callable[[Recipe], float]:
    """The log gain to expect of recipes on the model and machine at hand.

    Args:
        mix: what the model's time goes to, for what was probed of each kind of arithmetic.
    """
    order = ranks(here)

    @cache  # a search asks for the same ones before every step
    def expected(recipe: Recipe) -> float:
        with_it = replace(here, recipe=recipe.parts)
        hazards = sum(h.when(part, with_it) for part in recipe.parts for h in part.hazards)
        lowered = _lowered(with_it, mix)
        rank = _RANK * order.get(recipe.passes, 0) if recipe.passes in order else _UNDECLARED
        threads = _THREADS * log(recipe.runtime.threads)
        return lowered - _HAZARD * hazards - rank + threads

    return expected


def _lowered(here: Circumstances, mix: Mix) -> float:
    """What the recipe's engine and precision bring: as probed, else as is usual, and nothing where
    something is known to stand against it.

    Amdahl's law: each kind of arithmetic takes its share of the time divided by its gain.
    """
    lowest = _lowest(here.recipe)
    measured = here.measured(lowest.probed_as or "fp32")
    if measured:
        gains = {_NAMES[kind]: gain.value for kind, gain in measured.items()}
    elif any(hazard.when(lowest, here) for hazard in lowest.hazards):
        return 0.0
    elif lowest.lowers_to in _USUALLY and here.gains(lowest.lowers_to):
        gains = dict.fromkeys(("convolution", "product"), _USUALLY[lowest.lowers_to])
    else:
        return _LOWER * bool(lowest.lowers_to)
    left = sum(share / gains.get(kind, 1.0) for kind, share in mix.items())
    return -log(left) if left else 0.0


def _lowest(parts: Sequence[Ingredient]) -> Ingredient:
    """The part that says in what matrix operators compute: quantized ones stay so in an engine that
    computes the others in 16 bits."""
    return min(reversed(parts), key=lambda one: _BITS.get(one.lowers_to, 16))
