"""Recipes near a fast one that lose less: nodes left in float, then other settings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from optim.findings import percent
from optim.judging.sensitivity import Sensitivity
from optim.names import legible
from optim.part import Circumstances
from optim.recipe import Recipe, excluding, with_last
from optim.search.leaving_out import LeftOut, nested, thinned
from optim.search.node_times import NodeTimes


@dataclass(frozen=True)
class Proposal:
    """A recipe worth judging: what it leaves in float, and how it came to be."""

    recipe: Recipe
    left_out: LeftOut | None
    why: str


def settings_of(recipe: Recipe, here: Circumstances) -> list[Recipe]:
    """The recipe with one setting of its last pass changed, where that pass declares that it may
    lose less so."""
    last = recipe.passes[-1]
    here = replace(here, recipe=recipe.parts)
    return [
        with_last(recipe, one.field, value)
        for one in last.searched
        if one.mends and one.when(here)
        for value in one.values
        if getattr(last, one.field) != value
    ]


def repairs(
    recipe: Recipe, sensitivity: Sensitivity, times: NodeTimes, here: Circumstances
) -> list[Proposal]:
    """Ordinary recipes that lose less than this one, best first: nested sets of nodes left in
    float, each with at most half of the noise of the one before, then other settings."""
    sets = thinned(nested(sensitivity.roundings, times.saved_us))
    left = [Proposal(excluding(recipe, one.nodes), one, why(one, times)) for one in sets]
    return [*left, *other_settings(recipe, here)]


def other_settings(recipe: Recipe, here: Circumstances) -> list[Proposal]:
    """Each of `settings_of`, with why."""
    return [
        Proposal(other, None, f"Other settings: {other}.") for other in settings_of(recipe, here)
    ]


def why(one: LeftOut, times: NodeTimes) -> str:
    """What stays in float, its share of the time and of the error, in a sentence."""
    return (
        f"Left in float: {_named(one.nodes)}, {percent(times.share(one.nodes))} of the time, "
        f"{percent(1 - one.noise)} of the error."
    )


def _named(nodes: Sequence[str], most: int = 4) -> str:
    names = [legible(name) for name in nodes]
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
