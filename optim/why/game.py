"""The toggles of a recipe as the players of a game whose worths are measured sub-recipes.

A sub-recipe that cannot run (refused, failed) has no worth. Toggles are then joined until every
sub-recipe that is needed has one: what needs another and that other share one bar.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

from optim.errors import InputError
from optim.recipe import Recipe
from optim.why import shapley
from optim.why.pairwise import more_for_pairs
from optim.why.shapley import Coalition, Order
from optim.why.toggles import Toggle, sub_recipe, toggles_of

MOST_WHOLE = 5
"""Toggles up to which every sub-recipe is measured: 32 with the original and the recipe itself."""
_PAIRS = 4  # of orders drawn where there are more


@dataclass(frozen=True)
class Game:
    """`players`: toggles by their places, each alone or joined with those that it needs. `notes`:
    sentences on what was joined and why."""

    whole: Recipe
    toggles: tuple[Toggle, ...]
    players: tuple[frozenset[int], ...]
    notes: tuple[str, ...] = ()

    @staticmethod
    def of(recipe: Recipe, failed: Mapping[Recipe, str]) -> "Game":
        """With toggles joined until none of the sub-recipes needed is one that failed."""
        if recipe in failed:
            raise InputError(f"{recipe} failed: {failed[recipe]}", "Choose another.", "shares")
        toggles = toggles_of(recipe)
        game = Game(recipe, toggles, tuple(frozenset([i]) for i in range(len(toggles))))
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
        count = len(self.players)
        if not self.drawn:
            return shapley.coalitions(count)
        met = shapley.met(self.drawn)
        return [*met, *more_for_pairs(count, met)]

    def recipe(self, coalition: Coalition) -> Recipe:
        """The sub-recipe that a coalition of players is."""
        on = frozenset().union(*(self.players[player] for player in coalition))
        return sub_recipe(self.whole, [t for i, t in enumerate(self.toggles) if i in on])

    def name(self, player: int) -> tuple[str, ...]:
        """The toggles of a player."""
        return tuple(self.toggles[i].name for i in sorted(self.players[player]))

    def _joined(self, bad: list[Coalition], failed: Mapping[Recipe, str]) -> "Game":
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
        return Game(self.whole, self.toggles, tuple(players), (*self.notes, note))
