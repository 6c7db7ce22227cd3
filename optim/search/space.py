"""What may be tried on a model: recipes made of what the parts declare, and their neighbours."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import product

from optim import probing
from optim.errors import InputError
from optim.graph import analysis_of
from optim.machine.environment import environment
from optim.model import Model
from optim.part import Circumstances, Ingredient, Start, build_part
from optim.passes.base import Pass, all_passes
from optim.recipe import Recipe, ingredients
from optim.runtimes.base import Runtime, all_runtimes

_START_SIZE = 9
_LOG = logging.getLogger(__name__)


def started(here: Circumstances) -> list[Recipe]:
    """The recipes that parts declare worth trying on such a model, the first ranks first."""
    found = filter(None, (_started(start, here) for start in _declared() if start.when(here)))
    return list(dict.fromkeys([Recipe.baseline(), *found]))


def ranks(here: Circumstances) -> dict[tuple[Pass, ...], int]:
    """The lowest declared rank of each combination of passes that is started with."""
    found: dict[tuple[Pass, ...], int] = {(): 0}
    for start in _declared():
        recipe = _started(start, here) if start.when(here) else None
        if recipe:
            found.setdefault(recipe.passes, start.rank)
    return found


def _declared() -> list[Start]:
    declared = {start for part in ingredients().values() for start in part.starts}
    return sorted(declared, key=lambda start: (start.rank, start.spelling))


def starting_recipes(here: Circumstances) -> list[Recipe]:
    """About eight recipes that show the trade-offs of a model, the baseline first."""
    return started(here)[:_START_SIZE]


def circumstances_of(model: Model) -> Circumstances:
    """The model on this machine, with what was probed of it."""
    here = environment()
    histogram = analysis_of(model).op_histogram
    flags, cores = frozenset(here["flags"].split()), int(here["cores"])
    return Circumstances(histogram, flags, cores, known=probing.known())


def candidates(here: Circumstances, cores: int) -> list[Recipe]:
    """Every way to combine what the declared starts are made of: their passes, each on each of
    their runtimes, on one thread and on more. Of engines with a child of their own, which compile
    and are dear to try, the declared starts alone: what leads has its neighbours tried.

    Args:
        cores: how many one run may use.
    """
    starts = started(here)
    passes = dict.fromkeys(recipe.passes for recipe in starts)
    engines = dict.fromkeys(threaded(recipe, 1).runtime for recipe in starts)
    near = [engine for engine in engines if not engine.child]
    combined = (Recipe(passes=some, runtime=one) for some, one in product(passes, near))
    apart = (recipe for recipe in starts if recipe.runtime.child)
    once = list(dict.fromkeys([*combined, *apart]))
    made = (threaded(one, threads) for threads in thread_counts(cores) for one in once)
    return list(dict.fromkeys(made))


def thread_counts(cores: int) -> list[int]:
    """One thread, its doubles, and all cores."""
    doubles = [1]
    while doubles[-1] * 2 < cores:
        doubles.append(doubles[-1] * 2)
    return list(dict.fromkeys([*doubles, cores]))


def threaded(recipe: Recipe, threads: int) -> Recipe:
    """The recipe on so many threads, if its engine computes on the CPU."""
    if not recipe.runtime.uses_threads:
        return recipe
    settings = {**recipe.runtime.model_dump(), "threads": threads}
    engine = build_part(type(recipe.runtime), settings)
    assert isinstance(engine, Runtime)
    return Recipe(passes=recipe.passes, runtime=engine)


def neighbours(recipe: Recipe, here: Circumstances) -> list[Recipe]:
    """Recipes one step from this one: another value of one setting, or one more pass."""
    here = replace(here, recipe=recipe.parts)
    changed = [
        Recipe.of([*recipe.parts[:position], other, *recipe.parts[position + 1 :]])
        for position, part in enumerate(recipe.parts)
        for other in _variants(part, here)
    ]
    return [*changed, *_with_one_more(recipe, here)]


def around(recipe: Recipe, here: Circumstances, cores: int) -> list[Recipe]:
    """Its neighbours on every number of threads: what is near on one may be the best on another.

    Args:
        cores: how many one run may use.
    """
    counts = thread_counts(cores)
    return [threaded(one, count) for one in neighbours(recipe, here) for count in counts]


def _started(start: Start, here: Circumstances) -> Recipe | None:
    """The recipe, where every part of it is installed and can do something with the model."""
    try:
        recipe = Recipe.parse(start.spelling)
    except InputError as error:  # declared by a part of another package
        _LOG.warning("%s is not started with: %s", start.spelling, error)
        return None
    return recipe if _usable(recipe.parts, here) else None


def installable(here: Circumstances) -> list[type[Runtime]]:
    """Engines with starts of their own that take the model, and have only to be installed."""
    return [
        engine
        for engine in all_runtimes().values()
        if engine.starts and engine.missing() and not engine.hindrance() and engine().takes(here)
    ]


def _usable(parts: Iterable[Ingredient], here: Circumstances) -> bool:
    return all(not part.missing() and part.takes(here) for part in parts)


def _variants(part: Ingredient, here: Circumstances) -> Iterator[Ingredient]:
    """The part with one setting changed to another value that it declares worth trying."""
    for one in part.searched:
        for value in one.values if one.when(here) else ():
            if getattr(part, one.field) != value:
                yield build_part(type(part), {**part.model_dump(), one.field: value})


def _with_one_more(recipe: Recipe, here: Circumstances) -> Iterator[Recipe]:
    """The recipe with a pass added that is tried on any, where its stage is free."""
    stages = {one.stage for one in recipe.passes}
    for added in all_passes().values():
        free = added.tried_on_any and added.stage not in stages
        if free and _usable([added()], here):
            passes: list[Pass] = [*recipe.passes, added()]
            yield Recipe.of([*sorted(passes, key=lambda one: one.stage), recipe.runtime])
