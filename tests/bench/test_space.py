"""The space of a grid: everything that the parts declare, each recipe once."""

import pytest

from bench.space import recipes
from optim.part import Circumstances
from optim.passes.base import Stage, all_passes
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes
from optim.search.space import candidates, starting_recipes

CNN = {"Conv": 5, "Gemm": 1}
TRANSFORMER = {"MatMul": 9, "Softmax": 2}
HERE = Circumstances(CNN, frozenset({"avx512_vnni", "avx512_bf16"}), 2)


def parts(here: Circumstances) -> set[str]:
    return {part.name for recipe in recipes(here) for part in recipe.parts}


@pytest.mark.parametrize("ops", [CNN, TRANSFORMER])
def test_the_baseline_comes_first_then_the_starts_and_none_twice(ops):
    here = Circumstances(ops, HERE.flags, 2)
    found = recipes(here)
    assert found[0] == Recipe.baseline()
    starts = starting_recipes(here)
    assert found[: len(starts)] == starts
    assert len(found) == len(set(found))


def test_every_precision_pass_meets_every_engine_that_is_installed():
    found = {(one.name, recipe.runtime.name) for recipe in recipes(HERE) for one in recipe.passes}
    engines = [engine.name for engine in all_runtimes().values() if not engine.missing()]
    assert {"onnxruntime", "openvino"} <= {*engines}
    for kind in all_passes().values():
        if kind.stage == Stage.PRECISION and not kind.missing():
            assert {(kind.name, engine) for engine in engines} <= found


def test_threads_are_one_and_all():
    here = Circumstances(CNN, HERE.flags, 6)
    threads = {one.runtime.threads for one in recipes(here)}
    assert threads == {1, 2, 4, 6}  # the doubles are a search's


def test_a_grid_holds_what_a_search_begins_with():
    assert set(candidates(HERE, HERE.cores)) <= set(recipes(HERE))


def test_declared_values_are_steps():
    spelled = {recipe.spelling for recipe in recipes(HERE)}
    assert "static_int8:calibration=entropy + openvino" in spelled
    assert "openvino:precision=bf16" in spelled


def test_what_a_machine_has_no_instructions_for_is_left_out():
    plain = Circumstances(CNN, frozenset(), 1)
    assert not any("precision=bf16" in one.spelling for one in recipes(plain))


def test_what_saturates_brings_its_remedies():
    spelled = {r.spelling for r in recipes(Circumstances(CNN, HERE.flags, 1, saturated=True))}
    assert "static_int8:weights=u8 + onnxruntime" in spelled
    assert "static_int8:weights=u8 + onnxruntime" not in {one.spelling for one in recipes(HERE)}


def test_a_quantized_model_is_not_quantized_again():
    assert "static_int8" not in parts(Circumstances({"QLinearConv": 3}, HERE.flags, 1))
