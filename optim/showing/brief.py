"""A recipe in words: the few that fit beside a point, or a sentence's worth with its settings.

Its spelling says everything.
"""

from optim.part import Ingredient
from optim.passes.base import NodeByNode, Pass
from optim.recipe import Recipe
from optim.runtimes.base import Runtime

_ORIGINAL = "original"
_LONGEST = 24
"""Letters of a setting's value; a longer one, such as a list of nodes, is only said to be set."""


def brief(recipe: Recipe) -> str:
    """Such as "static int8 on OpenVINO, 2 threads"."""
    does = " + ".join(map(_pass, recipe.passes)) or _ORIGINAL
    where = "" if recipe.is_baseline else f" on {_engine(recipe.runtime)}"
    return does + where + _threads(recipe)


def named(recipe: Recipe) -> str:
    """With what was set: "static int8 on OpenVINO with precision bf16, 2 threads"."""
    does = ", then ".join(_with_settings(_words(one.name), one) for one in recipe.passes)
    where = _with_settings(recipe.runtime.title, recipe.runtime)
    return f"{does or f'the {_ORIGINAL}'} on {where}{_threads(recipe)}"


def _threads(recipe: Recipe) -> str:
    threads = recipe.runtime.threads
    return f", {threads} threads" if threads > 1 else ""


def _pass(one: Pass) -> str:
    left_out = len(one.exclude) if isinstance(one, NodeByNode) else 0
    name = _words(one.name)
    return f"{name} but {left_out} node{'s' * (left_out > 1)}" if left_out else name


def _engine(runtime: Runtime) -> str:
    """Its title, and the words that were chosen for it, such as a precision."""
    chosen = runtime.model_dump(mode="json", exclude_defaults=True).values()
    return " ".join([runtime.title, *(value for value in chosen if isinstance(value, str))])


def _with_settings(name: str, part: Ingredient) -> str:
    _, _, given = part.spelling.partition(":")
    pairs = (item.partition("=") for item in given.split(",") if item)
    said = [_setting(key, value) for key, _, value in pairs if key != "threads"]
    return f"{name} with {' and '.join(said)}" if said else name


def _setting(key: str, value: str) -> str:
    if len(value) > _LONGEST:
        return f"{_words(key)} set"
    return f"{_words(key)} {_words(value.replace('true', 'on').replace('false', 'off'))}"


def _words(name: str) -> str:
    return name.replace("_", " ")
