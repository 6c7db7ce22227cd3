"""Where parts are found: the modules of a package of ours, and what other packages announce.

Another package announces its parts by an entry point of the group `inference_explorer.parts` that
names a module (or one class) with passes, runtimes or metrics in it. What it announces is taken
only if it holds together; the rest is left out, with a sentence in the log and in the lists of
parts. A name that the program has itself stays the program's.
"""

import importlib
import importlib.util
import logging
import os
import pkgutil
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from optim.errors import InputError, one_line
from optim.names import legible
from optim.part.base import Ingredient, Part
from optim.part.knowledge import Circumstances
from optim.part.spelling import build_part

P = TypeVar("P", bound=Part)

ENTRY_POINTS = "inference_explorer.parts"
_KINDS = ("passes", "runtimes", "metrics")
_PARAMETERS = ("runtime", "target")  # of every trial in the store, beside the passes' names
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Broken:
    """Something that another package announces and that cannot be used: `why` is a sentence."""

    name: str
    origin: str
    why: str


@cache
def discover(package: str, kind: type[P]) -> dict[str, type[P]]:
    """All parts of a kind by name, sorted: those of a package's modules, and other packages'.

    Listing is cheap: parts import what is heavy only when they run.
    """
    found = {part.name: part for part in _outside()[0] if issubclass(part, kind)}
    root = importlib.import_module(package)
    for info in pkgutil.iter_modules(root.__path__):
        module = importlib.import_module(f"{package}.{info.name}")
        found |= {part.name: part for part in _defined_in(module, kind, module.__name__)}
    return dict(sorted(found.items()))


def broken_parts() -> tuple[Broken, ...]:
    """What other packages announce and had to be left out."""
    return _outside()[1]


def rediscover() -> None:
    """Look again; for a process that has changed where it finds modules."""
    discover.cache_clear()
    _outside.cache_clear()


@cache
def _outside() -> tuple[tuple[type[Part], ...], tuple[Broken, ...]]:
    """The parts of other packages, and what is wrong with those left out."""
    found: dict[str, type[Part]] = {}
    broken: list[Broken] = []
    for entry, origin in _announced():
        try:
            parts = _loaded(entry)
        except (Exception, SystemExit) as error:  # whatever a stranger's module does
            broken.append(Broken(legible(entry.name), origin, _why_not_loaded(error)))
            continue
        for part in parts:
            if why := _wrong_with(part, found):
                broken.append(Broken(legible(str(part.name)), origin, why))
            else:
                part.origin = origin
                found[part.name] = part
    for one in broken:
        _LOG.warning("%s of %s is left out. %s", one.name, one.origin, one.why)
    return tuple(found.values()), tuple(broken)


def _why_not_loaded(error: BaseException) -> str:
    return f"It cannot be loaded: {type(error).__name__}: {one_line(error).rstrip('.')}."


def _announced() -> list[tuple[metadata.EntryPoint, str]]:
    """Every entry point of ours once, with its distribution and version, in a fixed order."""
    found: dict[tuple[str, str], tuple[metadata.EntryPoint, str]] = {}
    for distribution in metadata.distributions(path=_places()):
        with suppress(Exception):  # damaged metadata of a package that is no business of ours
            for entry in distribution.entry_points.select(group=ENTRY_POINTS):
                origin = legible(f"{distribution.metadata['Name']} {distribution.version}")
                found.setdefault((entry.name, entry.value), (entry, origin))
    return sorted(found.values(), key=lambda item: (item[1], item[0].name))


def _places() -> list[str]:
    """Where packages are looked for: not in the folder that one happens to be in, since a child
    process runs in another."""
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    meant = {Path(place).resolve() for place in given if place}
    return [place for place in sys.path if place and _is_place(Path(place).resolve(), meant)]


def _is_place(place: Path, meant: set[Path]) -> bool:
    return place in meant or place != Path.cwd()


def _loaded(entry: metadata.EntryPoint) -> list[type[Part]]:
    """The parts that an entry point names. Raises whatever its module raises; InputError."""
    value: Any = entry.load()
    if isinstance(value, type) and issubclass(value, Part) and "name" in vars(value):
        return [value]
    parts = _defined_in(value, Part, value.__name__.partition(".")[0])
    if not parts:
        raise InputError(f"{entry.value} holds no part", "")
    return parts


def _defined_in(module: ModuleType, kind: type[P], under: str) -> list[type[P]]:
    """The parts that a module names and that are defined in or below the module `under`."""
    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, kind)
        and f"{value.__module__}.".startswith(f"{under}.")
        and "name" in vars(value)
    ]


def _wrong_with(part: type[Part], taken: dict[str, type[Part]]) -> str:
    """Why a part of another package cannot be used, as a sentence; empty if it can."""
    name = str(part.name)
    if not _NAME.fullmatch(name):
        return f"The name {legible(name)!r} is not of small letters, digits and underscores."
    if owner := _owner(name, taken):
        return f"The name {name} is taken by {owner}, which stays."
    lacking = sorted(key for key in part.__class_vars__ if not hasattr(part, key))
    if lacking:
        return f"It does not say its {', '.join(lacking)}."
    try:
        _try_out(part)
    except Exception as error:  # a stranger's validators and conditions may raise anything
        return f"What it declares does not hold together: {one_line(error).rstrip('.')}."
    return ""


def _try_out(part: type[Part]) -> None:
    """Raise what a part raises as it comes, with the values it declares, in its conditions."""
    made = part()
    if not isinstance(made, Ingredient):
        return
    here = Circumstances({}, recipe=(made,))
    for one in made.searched:
        one.when(here)
        for value in one.values:
            build_part(part, {one.field: value})
    for hazard in made.hazards:
        hazard.when(made, here)
    for start in made.starts:
        start.when(here)


def _owner(name: str, taken: dict[str, type[Part]]) -> str:
    """Who has this name already; of the program's own parts the module is called like the part."""
    modules = (f"optim.{kind}.{name}" for kind in _KINDS)
    if name in _PARAMETERS or any(map(importlib.util.find_spec, modules)):
        return "a part of the program"
    return taken[name].origin if name in taken else ""
