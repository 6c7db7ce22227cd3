"""Whose gain is it: each toggle's share of a recipe's speed-up and loss, from measured sub-recipes.

Shapley values (`shapley`) of the game whose players are the recipe's toggles and whose worths are
the readings of its sub-recipes: the log of the gain, and the loss. Up to five toggles every
sub-recipe is measured, beyond that those that some drawn orders go through.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import exp, log
from typing import Self

from pydantic import BaseModel, ConfigDict

from optim.errors import InputError
from optim.findings import Interval
from optim.recipe import Recipe
from optim.why import shapley
from optim.why.game import Game
from optim.why.pairwise import Fit
from optim.why.shapley import NOTHING, Weights
from optim.why.toggles import short


@dataclass(frozen=True)
class Reading:
    """What was measured of a recipe: `gain`, the log of its speed relative to the original on one
    thread, and `loss` as `Metric.loss` has it; each with its 95 % interval."""

    gain: Interval
    loss: Interval

    @classmethod
    def of(cls, gain: Interval, loss: Interval) -> Self:
        """Of a gain as a factor."""
        return cls(Interval(value=log(gain.value), low=log(gain.low), high=log(gain.high)), loss)

    @property
    def factor(self) -> Interval:
        """The gain as a factor."""
        return _factor(self.gain)


ORIGINAL = Reading(NOTHING, NOTHING)
"""The original against itself, which needs no measuring."""


class Share(BaseModel):
    """What one toggle brings, or several that cannot be told apart: the gain as a factor (the
    factors of all multiply to the whole gain), the loss in its unit (the losses of all add up)."""

    model_config = ConfigDict(frozen=True)

    toggles: tuple[str, ...]
    gain: Interval
    loss: Interval

    @property
    def name(self) -> str:
        """The toggles as one name, long settings cut short."""
        return " with ".join(map(short, self.toggles))


class Interaction(BaseModel):
    """What a toggle brings, on average, with another and without it: gains, or losses."""

    model_config = ConfigDict(frozen=True)

    toggle: str
    other: str
    of: str
    """"gain" or "loss"."""
    with_it: Interval
    without: Interval


class Shares(BaseModel):
    """Whose gain and whose loss it is, in the recipe's order.

    `measured`: sub-recipes that it rests on, the original and the recipe included. `drawn`: how
    many orders, 0 where all of them count. `notes`: sentences on what was joined and why.
    """

    model_config = ConfigDict(frozen=True)

    recipe: str
    gain: Interval
    loss: Interval
    shares: tuple[Share, ...]
    interactions: tuple[Interaction, ...]
    measured: int
    drawn: int = 0
    notes: tuple[str, ...] = ()


def sub_recipes(recipe: Recipe, failed: Mapping[Recipe, str]) -> tuple[Recipe, ...]:
    """All that the shares rest on, each once, the smallest first: the original, at last itself.

    Args:
        failed: those that cannot run, and why. Raises InputError where the recipe itself is one.
    """
    game = Game.of(recipe, failed)
    return tuple(dict.fromkeys(game.recipe(coalition) for coalition in game.needed))


def missing(
    recipe: Recipe, known: Mapping[Recipe, Reading], failed: Mapping[Recipe, str] | None = None
) -> tuple[Recipe, ...]:
    """The sub-recipes that must still be measured."""
    wanted = sub_recipes(recipe, failed or {})
    return tuple(one for one in wanted if one not in known and one != Recipe.baseline())


def shares_of(
    recipe: Recipe, known: Mapping[Recipe, Reading], failed: Mapping[Recipe, str] | None = None
) -> Shares:
    """The shares. Raises InputError while sub-recipes are `missing`, or with nothing to share."""
    game = Game.of(recipe, failed or {})
    if not game.toggles:
        raise InputError(
            "This is the original as it comes: there is no gain to share.",
            "Choose a trial with a pass, another engine or an option.",
            "shares",
        )
    if left := missing(recipe, known, failed):
        raise InputError(
            f"{len(left)} sub-recipes of {recipe} are not measured yet, such as {left[0]}.",
            "Measure them first.",
            "shares",
        )
    return _Divided(game, dict(known) | {Recipe.baseline(): ORIGINAL}).shares


class _Divided:
    """A game with all its readings, divided among its players."""

    def __init__(self, game: Game, known: Mapping[Recipe, Reading]) -> None:
        self._game, self._known = game, known
        self._worths: dict[str, dict[Recipe, Interval]] = {
            "gain": {recipe: reading.gain for recipe, reading in known.items()},
            "loss": {recipe: reading.loss for recipe, reading in known.items()},
        }

    @property
    def shares(self) -> Shares:
        game, whole = self._game, self._known[self._game.whole]
        return Shares(
            recipe=game.whole.spelling,
            gain=whole.factor,
            loss=whole.loss,
            shares=tuple(self._share(player) for player in range(len(game.players))),
            interactions=tuple(self._interactions()),
            measured=len({game.recipe(coalition) for coalition in game.needed}),
            drawn=len(game.drawn),
            notes=game.notes,
        )

    def _share(self, player: int) -> Share:
        return Share(
            toggles=self._game.name(player),
            gain=_factor(self._value(player, "gain")),
            loss=self._value(player, "loss"),
        )

    def _value(self, player: int, of: str) -> Interval:
        game, worths = self._game, self._worths[of]
        if game.drawn:
            return shapley.drawn_value(player, game.drawn, game.recipe, worths)
        return self._sum(shapley.value_weights(player, len(game.players)), of)

    def _sum(self, weights: Weights, of: str) -> Interval:
        return shapley.summed(weights, self._game.recipe, self._worths[of])

    def _interactions(self) -> Iterable[Interaction]:
        """Those that are more than chance, the later toggle of each pair by the earlier one."""
        count, game = len(self._game.players), self._game
        fit = Fit.of(count, game.needed) if game.drawn else None
        summed = fit.summed if fit else shapley.summed
        added = fit.added if fit else partial(shapley.added_weights, count=count)
        pairs = [(b, a) for a, b in combinations(range(count), 2)]
        for player, other in pairs:
            both = [added(player, other, with_it=with_it) for with_it in (True, False)]
            for of, shown in _KINDS.items():
                worths = self._worths[of]
                differ = summed(shapley.minus(*both), game.recipe, worths)
                if shapley.excludes_nothing(differ, among=2 * len(pairs)):
                    with_it, without = (shown(summed(w, game.recipe, worths)) for w in both)
                    yield Interaction(
                        toggle=" with ".join(map(short, game.name(player))),
                        other=" with ".join(map(short, game.name(other))),
                        of=of,
                        with_it=with_it,
                        without=without,
                    )


def _factor(logs: Interval) -> Interval:
    return Interval(value=exp(logs.value), low=exp(logs.low), high=exp(logs.high))


_KINDS: dict[str, Callable[[Interval], Interval]] = {"gain": _factor, "loss": lambda loss: loss}
