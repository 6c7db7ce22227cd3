"""Recipes: spellings, stored form, digests, the order of passes."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.part_values import parts

from optim.errors import InputError
from optim.passes.base import Pass, Stage, all_passes
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes

PASSES, RUNTIMES = all_passes(), all_runtimes()
QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    """Any valid recipe: at most one pass per stage, in order, then a runtime."""
    chosen = []
    for stage in Stage:
        candidates = [cls for cls in PASSES.values() if cls.stage == stage]
        cls = draw(st.sampled_from([None, *candidates]))
        if cls is not None:
            chosen.append(draw(parts(cls)))
    runtime = draw(st.sampled_from(list(RUNTIMES.values())).flatmap(parts))
    return Recipe.of([*chosen, runtime])


@QUICK
@given(recipes())
def test_spelling_and_yaml_read_back(recipe: Recipe) -> None:
    for again in (Recipe.parse(recipe.spelling), Recipe.from_yaml(recipe.to_yaml())):
        assert again == recipe
        assert again.digest == recipe.digest
        assert again.spelling == recipe.spelling


@QUICK
@given(recipes(), recipes())
def test_digests_differ_exactly_where_recipes_do(one: Recipe, other: Recipe) -> None:
    assert (one.digest == other.digest) == (one == other)
    assert (one.passes_digest == other.passes_digest) == (one.passes == other.passes)


@pytest.mark.parametrize(("one", "other"), list(itertools.permutations(PASSES.values(), 2)))
def test_two_passes_compose_only_in_the_order_of_their_stages(
    one: type[Pass], other: type[Pass]
) -> None:
    if one.stage < other.stage:
        assert Recipe.of([one(), other()]).passes == (one(), other())
        return
    with pytest.raises(InputError) as caught:
        Recipe.of([one(), other()])
    assert one.name in str(caught.value) and other.name in str(caught.value)


@pytest.mark.parametrize("cls", PASSES.values())
def test_a_pass_does_not_come_twice(cls: type[Pass]) -> None:
    with pytest.raises(InputError, match=f"{cls.name} and {cls.name} both change"):
        Recipe.parse(f"{cls.name} + {cls.name}")


def test_order_is_checked_beyond_neighbours() -> None:
    with pytest.raises(InputError):
        Recipe.parse("fp16 + simplify + fuse_transformer")


def test_without_a_runtime_it_is_onnx_runtime_as_it_comes() -> None:
    assert Recipe.parse("simplify").runtime == RUNTIMES["onnxruntime"]()
    assert Recipe.parse("") == Recipe.baseline()
    assert Recipe.parse("").is_baseline
    assert not Recipe.parse("simplify").is_baseline


@pytest.mark.parametrize("text", ["onnxruntime + simplify", "onnxruntime + openvino"])
def test_one_runtime_and_it_comes_last(text: str) -> None:
    with pytest.raises(InputError, match="one runtime, and it comes last"):
        Recipe.parse(text)


def test_the_runtime_does_not_matter_to_the_passes_digest() -> None:
    one, other = Recipe.parse("fp16 + onnxruntime:threads=2"), Recipe.parse("fp16 + openvino")
    assert one.passes_digest == other.passes_digest
    assert one.digest != other.digest


def test_a_new_version_of_a_pass_is_another_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Recipe.parse("simplify").digest
    monkeypatch.setattr(PASSES["simplify"], "version", 99)
    assert Recipe.parse("simplify").digest != before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "- a list",
        "passes: 3\nruntime: 4",
        "passes: []",
        "{unclosed",
        "passes: []\nruntime: {name: onnxruntime, version: 1, settings: {threads: 0}}",
        "passes: []\nruntime: {name: nonsense, version: 1, settings: {}}",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_a_file_that_is_no_recipe_gives_one_clear_error(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Recipe.from_yaml(text)
    assert caught.value.next_step
