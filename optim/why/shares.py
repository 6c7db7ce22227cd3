"""Whose gain is it: each toggle's share of a recipe's speed-up and loss, from measured sub-recipes.

Shapley values (`shapley`) of the game whose players are the recipe's toggles and whose worths are
the readings of its sub-recipes: the log of the gain, and the loss. Up to five toggles every
sub-recipe is measured, beyond that those that some drawn orders go through.

A sub-recipe that cannot run (refused, failed) has no worth. Toggles are then joined until every
sub-recipe that is needed has one: what needs another and that other share one bar.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import exp, log
from typing import Self

from pydantic import BaseModel, ConfigDict

from optim.errors import InputError
from optim.findings import Interval
from optim.recipe import Recipe
from optim.why import shapley
from optim.why.shapley import NOTHING, Coalition, Order, Weights
from optim.why.toggles import Toggle, sub_recipe, toggles_of

MOST_WHOLE = 5
"""Toggles up to which every sub-recipe is measured: 32 with the original and the recipe itself."""
_PAIRS = 4  # of orders drawn where there are more


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
        """The toggles as one name."""
        return " with ".join(self.toggles)


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


def missing(
    recipe: Recipe, known: Mapping[Recipe, Reading], failed: Mapping[Recipe, str] | None = None
) -> tuple[Recipe, ...]:
    """The sub-recipes that must still be measured, each once, the smallest first.

    Args:
        failed: those that cannot run, and why.
    """
    game = _Game.of(recipe, failed or {})
    wanted = dict.fromkeys(game.recipe(coalition) for coalition in game.needed)
    return tuple(one for one in wanted if one not in known and one != Recipe.baseline())


def shares_of(
    recipe: Recipe, known: Mapping[Recipe, Reading], failed: Mapping[Recipe, str] | None = None
) -> Shares:
    """The shares. Raises InputError while sub-recipes are `missing`, or with nothing to share."""
    game = _Game.of(recipe, failed or {})
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


@dataclass(frozen=True)
class _Game:
    """The toggles of a recipe as players: each alone, or joined with those that it needs."""

    whole: Recipe
    toggles: tuple[Toggle, ...]
    players: tuple[frozenset[int], ...]
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(recipe: Recipe, failed: Mapping[Recipe, str]) -> "_Game":
        """With toggles joined until none of the sub-recipes needed is one that failed."""
        if recipe in failed:
            raise InputError(f"{recipe} failed: {failed[recipe]}", "Choose another.", "shares")
        toggles = toggles_of(recipe)
        game = _Game(recipe, toggles, tuple(frozenset([i]) for i in range(len(toggles))))
        while bad := [c for c in game.needed if game.recipe(c) in failed]:
            game = game._joined(bad, failed)
        return game

    @cached_property
    def drawn(self) -> tuple[Order, ...]:
        """The orders that count; none where all of them do."""
        few = len(self.players) <= MOST_WHOLE
        return () if few else tuple(shapley.orders(len(self.players), _PAIRS))

    @cached_property
    def needed(self) -> list[Coalition]:
        """The coalitions whose worth is needed."""
        return shapley.met(self.drawn) if self.drawn else shapley.coalitions(len(self.players))

    def recipe(self, coalition: Coalition) -> Recipe:
        """The sub-recipe that a coalition of players is."""
        on = frozenset().union(*(self.players[player] for player in coalition))
        return sub_recipe(self.whole, [t for i, t in enumerate(self.toggles) if i in on])

    def name(self, player: int) -> tuple[str, ...]:
        """The toggles of a player."""
        return tuple(self.toggles[i].name for i in sorted(self.players[player]))

    def _joined(self, bad: list[Coalition], failed: Mapping[Recipe, str]) -> "_Game":
        """With the two players joined whose separation makes most of these coalitions."""
        pairs = combinations(range(len(self.players)), 2)
        a, b = max(pairs, key=lambda pair: sum(len(one & set(pair)) == 1 for one in bad))
        first = next(one for one in bad if len(one & {a, b}) == 1)
        note = (
            f"{' + '.join((*self.name(a), *self.name(b)))} share one bar, since "
            f"{self.recipe(first)} cannot run: {failed[self.recipe(first)]}"
        )
        rest = [p for i, p in enumerate(self.players) if i not in (a, b)]
        players = sorted([*rest, self.players[a] | self.players[b]], key=min)
        return _Game(self.whole, self.toggles, tuple(players), (*self.notes, note))


class _Divided:
    """A game with all its readings, divided among its players."""

    def __init__(self, game: _Game, known: Mapping[Recipe, Reading]) -> None:
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
            gain=_factor(whole.gain),
            loss=whole.loss,
            shares=tuple(self._share(player) for player in range(len(game.players))),
            interactions=() if game.drawn else tuple(self._interactions()),
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
        count = len(self._game.players)
        pairs = [(b, a) for a, b in combinations(range(count), 2)]
        for player, other in pairs:
            with_it, without = (
                shapley.added_weights(player, other, count, side) for side in (True, False)
            )
            for of, shown in _KINDS.items():
                differ = self._sum(shapley.minus(with_it, without), of)
                if shapley.excludes_nothing(differ, among=2 * len(pairs)):
                    yield Interaction(
                        toggle=" with ".join(self._game.name(player)),
                        other=" with ".join(self._game.name(other)),
                        of=of,
                        with_it=shown(self._sum(with_it, of)),
                        without=shown(self._sum(without, of)),
                    )


def _factor(logs: Interval) -> Interval:
    return Interval(value=exp(logs.value), low=exp(logs.low), high=exp(logs.high))


_KINDS: dict[str, Callable[[Interval], Interval]] = {"gain": _factor, "loss": lambda loss: loss}
