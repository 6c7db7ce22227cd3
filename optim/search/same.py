"""Recipes that turn out to be the same: their passes made the same model, on the same runtime."""

from collections.abc import Mapping
from typing import NamedTuple

from optim.model import Model
from optim.passes.base import Pass
from optim.recipe import Recipe


class Made(NamedTuple):
    """What was built of a recipe; `cheap`: so that only its speed is right."""

    model: Model
    cheap: bool


def first_like(recipe: Recipe, made: Mapping[Recipe, Made], original: Model) -> Recipe | None:
    """The first that was made of the same model on the same runtime; None where it is the first.

    Where passes changed nothing, it is the runtime alone. Of cheap builds it counts only if the
    passes that were made cheaper are the same.
    """
    mine = made.get(recipe)
    if mine is None or not recipe.passes:
        return None
    if mine.model.digest == original.digest:
        return Recipe.of([recipe.runtime])
    alike = (
        other
        for other, one in made.items()
        if one.model.digest == mine.model.digest and other.runtime == recipe.runtime
        if _dear(other) == _dear(recipe) or not (mine.cheap or one.cheap)
    )
    first = next(alike)
    return first if first != recipe else None


def _dear(recipe: Recipe) -> list[Pass]:
    """Its passes that a cheap build changes."""
    return [one for one in recipe.passes if one.cheaply() != one]
