"""Recipes in random order."""

from bench.strategies.game import Game


def at_random(game: Game) -> None:
    """Look at each once, in random order."""
    spellings = list(game.table.candidates)
    for index in game.rng.permutation(len(spellings)):
        game.look(spellings[index])
