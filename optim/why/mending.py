"""Recipes that would mend a finding: one like the given, with one thing changed."""

from collections.abc import Collection, Iterable
from typing import Any

from optim.errors import InputError
from optim.part import Ingredient, build_part
from optim.recipe import Recipe, excluding
from optim.runtimes.base import runtime_of


def changed(recipe: Recipe, name: str, **settings: Any) -> str:
    """With other settings of one of its parts; empty where none has that name and settings."""
    part = next((part for part in recipe.parts if part.name == name), None)
    if part is None or not settings.keys() <= type(part).model_fields.keys():
        return ""
    new = build_part(type(part), {**part.model_dump(), **settings})
    return _spelled([new if one is part else one for one in recipe.parts])


def left_in_float(recipe: Recipe, nodes: Iterable[str], known: Collection[str]) -> str:
    """With those nodes that the original knows left in float by its last pass; empty for none, and
    where that pass leaves none out."""
    last = recipe.passes[-1] if recipe.passes else None
    left = [name for name in nodes if name in known]
    able = last is not None and "exclude" in type(last).model_fields
    return excluding(recipe, left).spelling if left and able else ""


def instead(recipe: Recipe, name: str, spelling: str) -> str:
    """With another pass, or none for an empty spelling, in place of one."""
    new = list(Recipe.parse(spelling).passes) if spelling else []
    parts: list[Ingredient] = []
    for part in recipe.parts:
        parts += new if part.name == name else [part]
    return _spelled(parts)


def with_pass(recipe: Recipe, spelling: str) -> str:
    """With one more pass in its place; empty where it has one of that kind (stage) already."""
    (new,) = Recipe.parse(spelling).passes
    if new.stage in {one.stage for one in recipe.passes}:
        return ""
    passes = sorted([*recipe.passes, new], key=lambda one: one.stage)
    return _spelled([*passes, recipe.runtime])


def on(recipe: Recipe, spelling: str) -> str:
    """On another runtime, on as many threads."""
    new = runtime_of(spelling)
    settings = {**new.model_dump(), "threads": recipe.runtime.threads}
    return _spelled([*recipe.passes, build_part(type(new), settings)])


def _spelled(parts: list[Ingredient]) -> str:
    """The spelling; empty where the parts do not go together."""
    try:
        return Recipe.of(parts).spelling
    except InputError:
        return ""
