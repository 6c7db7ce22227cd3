"""What is known to hurt before anything is measured, gathered from the parts of a recipe."""

from collections.abc import Iterable, Mapping

from optim.findings import Caution
from optim.part import Circumstances, Known
from optim.recipe import Recipe


def advise(
    recipe: Recipe,
    ops: Mapping[str, int],
    flags: Iterable[str],
    cores: int,
    known: Known | None = None,
) -> tuple[Caution, ...]:
    """Warnings for a recipe on a model with these operators and a CPU with these features.

    Args:
        ops: how many nodes of each operator the original model has.
        flags: the CPU's instruction sets, as `/proc/cpuinfo` names them.
        cores: how many cores may be used.
        known: what was measured of the machine (`probing.known()`), which the warnings then rest
            on and cite.
    """
    here = Circumstances(ops, frozenset(flags), cores, recipe=recipe.parts, known=known)
    return tuple(
        Caution(code=hazard.code, text=hazard.told(part, here))
        for part in recipe.parts
        for hazard in part.hazards
        if hazard.when(part, here)
    )
