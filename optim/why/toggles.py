"""What a recipe switches on: each pass, the engine, each of its options; and every part of it."""

from collections.abc import Collection
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.errors import InputError
from optim.part import build_part
from optim.recipe import Recipe
from optim.runtimes.base import Runtime

_LONGEST = 24  # letters of a setting's value


class Toggle(BaseModel):
    """Something that a recipe has and the original, on ONNX Runtime as it comes, has not.

    `name` is how the recipe spells it: a pass with its settings, an engine, `threads=2`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["pass", "engine", "option"]
    field: str = ""


def short(name: str) -> str:
    """A toggle's name with long values, such as lists of nodes, only said to be set."""
    part, colon, settings = name.partition(":")
    pairs = (pair.partition("=") for pair in settings.split(",") if pair)
    said = [f"{key}{is_}{value if len(value) <= _LONGEST else '…'}" for key, is_, value in pairs]
    return f"{part}{colon}{','.join(said)}"


def toggles_of(recipe: Recipe) -> tuple[Toggle, ...]:
    """In the recipe's order: its passes, its engine if it is another, options that are changed."""
    runtime = recipe.runtime
    found = [Toggle(name=one.spelling, kind="pass") for one in recipe.passes]
    if type(runtime) is not _base():
        found.append(Toggle(name=runtime.name, kind="engine"))
    spelled = type(runtime).model_validate
    for field in runtime.model_dump(exclude_defaults=True):
        alone = spelled({field: getattr(runtime, field)}).spelling
        found.append(Toggle(name=alone.partition(":")[2], kind="option", field=field))
    return tuple(found)


def sub_recipe(recipe: Recipe, on: Collection[Toggle]) -> Recipe:
    """The recipe with these of its toggles alone.

    An option that the engine has not, as it is without the recipe's own, does nothing there and is
    left out: what it brings then is what it brings with that engine.
    """
    names = {(one.kind, one.name) for one in on}
    own = type(recipe.runtime) is _base() or ("engine", recipe.runtime.name) in names
    runtime: Runtime = type(recipe.runtime)() if own else _base()()
    for option in (one for one in on if one.kind == "option"):
        runtime = _with(runtime, option.field, getattr(recipe.runtime, option.field))
    passes = tuple(one for one in recipe.passes if ("pass", one.spelling) in names)
    return Recipe(passes=passes, runtime=runtime)


def _base() -> type[Runtime]:
    return type(Recipe.baseline().runtime)


def _with(runtime: Runtime, field: str, value: object) -> Runtime:
    if field not in type(runtime).model_fields:
        return runtime
    try:
        changed = build_part(type(runtime), {**runtime.model_dump(), field: value})
    except InputError:
        return runtime
    assert isinstance(changed, Runtime)
    return changed
