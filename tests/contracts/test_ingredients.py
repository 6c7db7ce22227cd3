"""What every pass and runtime promises about what it declares of itself."""

from typing import get_args

import pytest

from optim.part import BUILT_IN, Circumstances, Ingredient, Precision, build_part
from optim.recipe import Recipe, ingredients

INGREDIENTS = ingredients()
MODELS = [
    {},
    {"Conv": 20, "Gemm": 1},
    {"MatMul": 32, "Softmax": 4},
    {"LSTM": 2, "Gemm": 1},
    {"GRU": 2, "Gemm": 1},
    {"ai.onnx.ml.TreeEnsembleClassifier": 1},
]
MACHINES = [(frozenset(), 1), (frozenset({"avx512_vnni", "avx512_bf16", "amx_int8"}), 8)]

each_ingredient = pytest.mark.parametrize("part", INGREDIENTS.values(), ids=INGREDIENTS)


def everywhere(part: Ingredient) -> list[Circumstances]:
    """The part, alone or on each runtime, on every kind of model and machine."""
    runtimes = [other() for other in INGREDIENTS.values() if not hasattr(other, "stage")]
    recipes = [(part, runtime) for runtime in runtimes] if hasattr(part, "stage") else [(part,)]
    return [
        Circumstances(ops, flags, cores, recipe)
        for ops in MODELS
        for flags, cores in MACHINES
        for recipe in recipes
    ]


@each_ingredient
def test_its_module_is_called_like_it(part: type[Ingredient]) -> None:
    """So that nobody else's part can take the name."""
    if part.origin == BUILT_IN:
        assert part.__module__.rpartition(".")[2] == part.name


@each_ingredient
def test_hazards_are_sentences_with_conditions(part: type[Ingredient]) -> None:
    codes = [hazard.code for hazard in part.hazards]
    assert len(set(codes)) == len(codes)
    for hazard in part.hazards:
        assert hazard.code and hazard.text[0].isalnum() and hazard.text.endswith(".")
        assert "  " not in hazard.text
        assert {bool(hazard.when(part(), here)) for here in everywhere(part())} <= {True, False}


@each_ingredient
def test_what_is_searched_are_settings_of_its_own(part: type[Ingredient]) -> None:
    for one in part.searched:
        assert one.field in part.model_fields and one.values
        for value in one.values:
            changed = build_part(part, {one.field: value})
            assert getattr(changed, one.field) == value
            assert part.name in changed.spelling
        assert all(one.when(here) in (True, False) for here in everywhere(part()))


@each_ingredient
def test_it_is_in_the_recipes_that_it_starts_with(part: type[Ingredient]) -> None:
    for start in part.starts:
        recipe = Recipe.parse(start.spelling)
        assert part.name in {one.name for one in recipe.parts}
        assert start.spelling == recipe.spelling, "a start is written in its canonical form"
        assert any(start.when(here) for here in everywhere(part())), "it is never started with"


@each_ingredient
def test_it_says_what_it_lowers_to_and_takes(part: type[Ingredient]) -> None:
    assert part().lowers_to in get_args(Precision)
    assert any(part().takes(here) for here in everywhere(part()))


@each_ingredient
def test_packages_of_its_own_have_a_size(part: type[Ingredient]) -> None:
    """So that who installs them knows what that takes."""
    assert bool(part.requirements) == (part.requirements_mb > 0)
