"""What a recipe leaves open, settled for the machine that builds: the one place where it happens.

A pass may let a setting be `auto`, whose meaning depends on the machine. It is settled before
anything is built, so the settled passes are what the build's key says, what the child runs, what
the reports name and what is exported: on another machine they mean the same model.
"""

from collections.abc import Iterable

from optim.build.child import PassReport
from optim.part import parse_part
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.runtimes.support.overflow import PRODUCTS, overflows_here

Reasons = dict[str, str]
"""Why a pass got its settings, by its name."""


def settled(recipe: Recipe) -> tuple[Recipe, Reasons]:
    """The recipe with nothing left open, and a sentence for each pass that left something open.

    Products of bytes are tried on this machine only where a pass asks. Raises StepError.
    """
    asks = any(one.settled(PRODUCTS) != one.settled(()) for one in recipe.passes)
    overflowing = overflows_here(recipe.runtime.name) if asks else frozenset()
    found = [one.settled(overflowing) for one in recipe.passes]
    reasons = {one.name: why for one, why in found if why}
    return recipe.model_copy(update={"passes": tuple(one for one, _ in found)}), reasons


def as_run(recipe: Recipe, reports: Iterable[PassReport]) -> Recipe:
    """The recipe as it was built, by what the reports say of each pass.

    Reports of earlier versions do not say it; then nothing was left open.
    """
    ran = {report.name: report.spelling for report in reports if report.spelling}
    passes = (
        parse_part(ran[one.name], all_passes()) if one.name in ran else one for one in recipe.passes
    )
    return Recipe(passes=tuple(passes), runtime=recipe.runtime)
