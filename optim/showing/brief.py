"""A recipe in the few words that fit beside a point; its spelling says everything."""

from optim.passes.base import NodeByNode, Pass
from optim.recipe import Recipe
from optim.runtimes.base import Runtime

_ORIGINAL = "original"


def brief(recipe: Recipe) -> str:
    """Such as "static int8 on OpenVINO, 2 threads"."""
    does = " + ".join(map(_pass, recipe.passes)) or _ORIGINAL
    where = "" if recipe.is_baseline else f" on {_engine(recipe.runtime)}"
    threads = recipe.runtime.threads
    return does + where + (f", {threads} threads" if threads > 1 else "")


def _pass(one: Pass) -> str:
    name = one.name.replace("_", " ")
    left_out = len(one.exclude) if isinstance(one, NodeByNode) else 0
    return f"{name} but {left_out} node{'s' * (left_out > 1)}" if left_out else name


def _engine(runtime: Runtime) -> str:
    """Its title, and the words that were chosen for it, such as a precision."""
    chosen = runtime.model_dump(mode="json", exclude_defaults=True).values()
    return " ".join([runtime.title, *(value for value in chosen if isinstance(value, str))])
