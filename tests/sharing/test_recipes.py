"""Several recipes go out as text and come in from text or JSON; what is wrong is named."""

import json

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from support import trials as made_up
from support.part_values import parts

from optim.errors import InputError
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes
from optim.sharing.recipes import recipes_in, written
from optim.showing.records import as_csv, numbered

SPELLINGS = ["onnxruntime", "static_int8:per_channel=true + openvino", "openvino:threads=2"]
RECIPES = [Recipe.parse(text) for text in SPELLINGS]


def test_out_and_in() -> None:
    text = written([*RECIPES, RECIPES[0]], "recipes of\na study")
    assert text.splitlines()[0] == "# recipes of a study"
    assert recipes_in(text.encode()) == RECIPES


@pytest.mark.parametrize(
    "value",
    [
        SPELLINGS,
        {"recipes": SPELLINGS},
        [recipe.stored for recipe in RECIPES],
        {"recipes": [SPELLINGS[0], *(recipe.stored for recipe in RECIPES[1:])]},
    ],
)
def test_json_too(value: object) -> None:
    assert recipes_in(json.dumps(value).encode()) == RECIPES


def test_the_trials_that_went_out_come_in_as_recipes() -> None:
    trials = [made_up.trial(i, recipe=text) for i, text in enumerate([*SPELLINGS, SPELLINGS[0]])]
    trials[1] = trials[1].model_copy(update={"note": 'two\nlines, and a "quote"'})
    records = numbered(trials, made_up.METRIC, set())
    assert recipes_in(json.dumps(records).encode()) == RECIPES
    assert recipes_in(as_csv(records).encode()) == RECIPES
    with pytest.raises(InputError, match="line 3: There is no part"):
        recipes_in(b"number,recipe\n1,onnxruntime\n2,openvinoo\n")


def test_one_stored_recipe_is_a_file_too() -> None:
    assert recipes_in(json.dumps(RECIPES[1].stored).encode()) == [RECIPES[1]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no recipe in it"),
        (b"# nothing\n\n", "no recipe in it"),
        (b"onnxruntime\nopenvinoo\n", "line 2: There is no part named 'openvinoo'"),
        (b"a\nb\nc\nd\n", "And 1 more"),
        (b'{"recipes": 3}', "no list"),
        (b"[1]", "recipe 1: Not a recipe file"),
        (b"[" * 90_000, "nested too deeply"),
        (b'["onnxruntime"', "not JSON"),
        (b"x" * 1_100_000, "1,000 kB"),
        (b"\n".join(b"openvino:threads=%d" % i for i in range(1, 700)), "limit is 500"),
        (b"\xff\xfe\x00openvino", "no part named"),
    ],
)
def test_what_is_wrong_is_named(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        recipes_in(data)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(strategies.data())
def test_any_recipe_survives_a_text_file(data: strategies.DataObject) -> None:
    """Whatever names of nodes are in it, lines and remarks included."""
    passes = [data.draw(parts(cls)) for cls in all_passes().values() if cls.name == "static_int8"]
    runtime = data.draw(strategies.sampled_from(list(all_runtimes().values())).flatmap(parts))
    recipe = Recipe.of([*passes, runtime])  # type: ignore[list-item]
    assert recipes_in(written([recipe], "one").encode()) == [recipe]
