"""What a lesson's file refers to by name: pictures and experiments, one module each."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from optim.errors import InputError
from optim.names import legible

N = TypeVar("N", bound="Named")
_PREFIX = "Value error, "  # pydantic's


class Named(BaseModel):
    """A frozen value that is called like its module; its fields are what a lesson may set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: ClassVar[str]
    """What it is, in a few words."""

    @property
    def name(self) -> str:
        """What a lesson's file calls it."""
        return type(self).__module__.rpartition(".")[2]


@cache
def found_in(package: str, kind: type[N]) -> dict[str, type[N]]:
    """All of a kind by name: the modules of a package, each with one class of that kind."""
    root = importlib.import_module(package)
    names = sorted(info.name for info in pkgutil.iter_modules(root.__path__))
    return {name: _defined_in(f"{package}.{name}", kind) for name in names}


def _defined_in(module: str, kind: type[N]) -> type[N]:
    (found,) = (
        value
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, type) and issubclass(value, kind) and value.__module__ == module
    )
    return found


def made(value: Any, known: Mapping[str, type[N]], what: str) -> N:
    """What a lesson's file spells: a name, or one name with its settings. Raises InputError.

    Args:
        what: the field of the file, for errors.
    """
    name, settings = _spelled(value, what)
    if name not in known:
        raise InputError(
            f"There is no {what} named {legible(name)!r}.", f"Known ones: {', '.join(known)}."
        )
    try:
        return known[name].model_validate(settings or {})
    except ValidationError as error:
        raise InputError(f"The {what} {name} is not right: {sentence(error)}", "") from None


def _spelled(value: Any, what: str) -> tuple[str, Any]:
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.items()))
    raise InputError(f"The {what} is no name with settings.", f"Write `{what}: {{NAME: {{...}}}}`.")


def sentence(error: ValidationError) -> str:
    """What is wrong with a value that strangers wrote, in one line.

    Of a list with a wrong item only the item is told: the validator counts it as missing, too.
    """
    found = error.errors()
    places = [one["loc"] for one in found]
    told = [one for one in found if not any(_holds(one["loc"], place) for place in places)]
    return "; ".join(f"{_place(one['loc'])}: {_wrong(one)}" for one in told) + "."


def _holds(outer: tuple[int | str, ...], inner: tuple[int | str, ...]) -> bool:
    return bool(outer) and len(outer) < len(inner) and inner[: len(outer)] == outer


def _place(loc: tuple[int | str, ...]) -> str:
    """Where it is, items counted from 1 as people do."""
    words = (str(one + 1) if isinstance(one, int) else one for one in loc)
    return ".".join(words) or "all of it"


def _wrong(one: ErrorDetails) -> str:
    """What is wrong, with the value's length where that is it."""
    limits = one.get("ctx", {})
    match one["type"]:
        case "missing":
            return "it is not there"
        case "extra_forbidden":
            return "there is no such field"
        case "string_too_short":
            return f"{len(one['input'])} of at least {limits['min_length']} characters"
        case "string_too_long":
            return f"{len(one['input'])} of at most {limits['max_length']} characters"
    return one["msg"].removeprefix(_PREFIX).rstrip(".")
