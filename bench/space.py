"""Every recipe that the parts' declared spaces allow on a model, at coarse steps.

The starts and their neighbours as the search knows them, what it begins with, and all of: what goes
before, times every precision pass with each value declared worth trying, times every engine as some
start sets it, times one thread and all that may be used. What is not declared (which nodes to leave
out) is no step here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from optim.errors import InputError
from optim.part import Circumstances, Ingredient, build_part
from optim.passes.base import Pass, Stage, all_passes
from optim.recipe import Recipe, ingredients
from optim.runtimes.base import Runtime, all_runtimes
from optim.search.space import candidates, neighbours, starting_recipes


def recipes(here: Circumstances) -> list[Recipe]:
    """The recipes for a model under these circumstances, each once: the baseline, starts first."""
    starts, searched = starting_recipes(here), candidates(here, here.cores)
    near = [other for start in starts for other in neighbours(start, here)]
    all_of_it = [
        Recipe.of([*before, *precision, engine])
        for before, precision, engine in product(_before(here), _precisions(here), _engines(here))
    ]
    return list(dict.fromkeys([*starts, *searched, *all_of_it, *near]))


def _before(here: Circumstances) -> Iterator[Sequence[Pass]]:
    """Nothing, or one pass of an earlier stage. Pruning is left to the starts and neighbours."""
    yield ()
    for kind in all_passes().values():
        if kind.stage in (Stage.SIMPLIFY, Stage.FUSE) and _usable(kind, here):
            yield (kind(),)


def _precisions(here: Circumstances) -> Iterator[Sequence[Pass]]:
    yield ()
    for kind in all_passes().values():
        if kind.stage == Stage.PRECISION and _usable(kind, here):
            yield from ((one,) for one in _with_variants(kind, here) if isinstance(one, Pass))


def _engines(here: Circumstances) -> Iterator[Runtime]:
    """Every engine as it comes and as its starts set it, on one thread and on all."""
    for kind in all_runtimes().values():
        found = [*_with_variants(kind, here), *_started(kind, here)] if _usable(kind, here) else []
        yield from dict.fromkeys(engine for part in found for engine in _threads(part, here))


def _threads(part: Ingredient, here: Circumstances) -> Iterator[Runtime]:
    counts = {1, here.cores} if isinstance(part, Runtime) and part.uses_threads else {1}
    for threads in counts:
        changed = build_part(type(part), {**part.model_dump(), "threads": threads})
        assert isinstance(changed, Runtime)
        yield changed


def _started(kind: type[Runtime], here: Circumstances) -> Iterator[Ingredient]:
    for part in ingredients().values():
        for start in part.starts:
            if start.when(here) and (engine := _engine_of(start.spelling, kind)):
                yield engine


def _engine_of(spelling: str, kind: type[Runtime]) -> Ingredient | None:
    try:
        engine = Recipe.parse(spelling).runtime
    except InputError:  # declared by a part of another package
        return None
    return engine if type(engine) is kind else None


def _with_variants(kind: type[Ingredient], here: Circumstances) -> Iterator[Ingredient]:
    """The part as it comes, then with each value that it declares worth trying."""
    plain = build_part(kind, {})
    yield plain
    for one in kind.searched:
        for value in one.values if one.when(replace(here, recipe=(plain,))) else ():
            if getattr(plain, one.field) != value:
                yield build_part(kind, {one.field: value})


def _usable(kind: type[Ingredient], here: Circumstances) -> bool:
    return not kind.missing() and build_part(kind, {}).takes(here)
