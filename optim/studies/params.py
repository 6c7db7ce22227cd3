"""A recipe as Optuna parameters, so that samplers, importances and the dashboard understand it.

`simplify`, `static_int8`, ... are true or false in every trial, `runtime` and `target` are
categorical, and the settings of the parts in use are `part.setting`. What has no finite range (a
list of node names) is no parameter; the stored recipe has it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from optim.part import Part, field_schemas
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes
from optim.targets import all_targets

Distributions = Mapping[str, BaseDistribution]


def parameters(
    recipe: Recipe, target: str, known: Distributions
) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Values and distributions of a recipe on a target.

    Args:
        known: the distributions that the study has already. Optuna never lets the choices of a
            parameter change, so where a later version has more choices and the value is a new
            one, the parameter goes on under the name `runtime_2`.
    """
    used = {part.name: part for part in recipe.passes}
    wanted: dict[str, tuple[Any, BaseDistribution]] = {
        "runtime": (recipe.runtime.name, CategoricalDistribution(tuple(all_runtimes()))),
        "target": (target, CategoricalDistribution(tuple(all_targets()))),
    }
    wanted |= {name: (name in used, _SWITCH) for name in all_passes()}
    for part in (*recipe.passes, recipe.runtime):
        wanted |= _settings(part)
    values, distributions = {}, {}
    for name, (value, distribution) in wanted.items():
        fitting_name, fitting = _fitting(name, value, distribution, known)
        values[fitting_name], distributions[fitting_name] = value, fitting
    return values, distributions


_SWITCH = CategoricalDistribution((False, True))


def _settings(part: Part) -> dict[str, tuple[Any, BaseDistribution]]:
    values = part.model_dump(mode="json")
    ranges = _ranges(type(part))
    return {
        f"{part.name}.{field}": (value, ranges[field])
        for field, value in values.items()
        if field in ranges and value is not None
    }


@cache
def _ranges(part: type[Part]) -> dict[str, BaseDistribution]:
    kinds = {name: _distribution(spec) for name, spec in field_schemas(part).items()}
    return {field: kind for field, kind in kinds.items() if kind is not None}


def _distribution(entry: dict[str, Any]) -> BaseDistribution | None:
    if "enum" in entry:
        return CategoricalDistribution(tuple(entry["enum"]))
    low, high = entry.get("minimum"), entry.get("maximum")
    match entry.get("type"):
        case "boolean":
            return _SWITCH
        case "integer" if low is not None and high is not None:
            return IntDistribution(low, high)
        case "number":
            low = entry.get("exclusiveMinimum") if low is None else low
            high = entry.get("exclusiveMaximum") if high is None else high
            return None if low is None or high is None else FloatDistribution(low, high)
    return None


def _fitting(
    name: str, value: Any, distribution: BaseDistribution, known: Distributions
) -> tuple[str, BaseDistribution]:
    for candidate in (name, *(f"{name}_{i}" for i in range(2, len(known) + 3))):
        old = known.get(candidate, distribution)
        if old == distribution or _comparable(old, distribution):
            return candidate, distribution
        if isinstance(old, CategoricalDistribution) and value in old.choices:
            return candidate, old
    raise AssertionError("one of the names is free")


def _comparable(old: BaseDistribution, new: BaseDistribution) -> bool:
    """Whether Optuna takes both under one name: numbers of one kind, whatever their bounds."""
    return type(old) is type(new) and not isinstance(new, CategoricalDistribution)
