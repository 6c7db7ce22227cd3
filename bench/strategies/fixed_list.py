"""The search of before: a fixed list of starts, then neighbours of the front, four at a time."""

from collections.abc import Iterator

import numpy as np

from bench.strategies.game import Game
from optim.findings import Interval
from optim.part import Circumstances
from optim.recipe import Recipe
from optim.search.space import neighbours, starting_recipes
from optim.studies.front import Point, front

_AT_A_TIME = 4
_MORE_PROCESSES = 3
"""After the first: a trial goes on until its interval is narrow, for three to eight in all."""
_REACH = 0.04
"""Half width of a log speed-up after four processes that are 2.5 % apart."""


def fixed_list(game: Game) -> None:
    """The starting set, each timed shortly and then to the end; then what is near the front."""
    here = game.table.circumstances
    wanted = [recipe.spelling for recipe in starting_recipes(here)]
    tried: list[str] = []
    while batch := [one for one in wanted if one in game.table.candidates and one not in tried]:
        batch = batch[:_AT_A_TIME] if tried else batch
        tried += batch
        alive = [one for one in batch if game.look(one)]
        for one in alive:
            game.look(one, _MORE_PROCESSES)
        wanted = list(_near_the_front(game, tried, here))


def _near_the_front(game: Game, tried: list[str], here: Circumstances) -> Iterator[str]:
    best = front([point for one in tried if (point := _point(game, one))])
    for one in tried:
        if one in best:
            yield from (other.spelling for other in neighbours(Recipe.parse(one), here))


def _point(game: Game, spelling: str) -> Point[str] | None:
    shown = game.shown(spelling)
    if shown is None or not shown.sound:
        return None
    low, value, high = np.exp([-shown.log - _REACH, -shown.log, -shown.log + _REACH]).tolist()
    return Point(spelling, Interval(value=value, low=low, high=high), shown.loss)
