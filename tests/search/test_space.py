"""Which recipes may be tried on a model, and which come first."""

from pathlib import Path

import pytest
from support.study_tools import use_home

from optim.graph import analysis_of
from optim.ingest import ingest
from optim.ingest.samples import find_sample, list_samples
from optim.part import Circumstances, Start
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes
from optim.search.space import (
    around,
    candidates,
    neighbours,
    starting_recipes,
    thread_counts,
    threaded,
)

FLAGS = ("avx512_vnni", "avx512_bf16", "amx_bf16")
CNN = {"Conv": 20, "Relu": 20, "Gemm": 1}
TRANSFORMER = {"MatMul": 32, "Softmax": 4, "Add": 40}
LSTM = {"LSTM": 2, "Gemm": 1}
ANYWHERE = Circumstances({})
TREES = {"ai.onnx.ml.TreeEnsembleClassifier": 1}


def spellings(ops: dict[str, int], flags: tuple[str, ...] = FLAGS, cores: int = 2) -> list[str]:
    return [
        recipe.spelling for recipe in starting_recipes(Circumstances(ops, frozenset(flags), cores))
    ]


@pytest.mark.parametrize("ops", [CNN, TRANSFORMER, LSTM, TREES, {"Add": 1}], ids=str)
def test_a_starting_set_is_about_eight_different_recipes_the_baseline_first(
    ops: dict[str, int],
) -> None:
    found = spellings(ops)
    assert found[0] == Recipe.baseline().spelling
    assert len(set(found)) == len(found)
    assert 4 <= len(found) <= 9


def test_a_starting_set_fits_the_model() -> None:
    assert not any("openvino" in spelling for spelling in spellings(TREES))
    assert "static_int8 + openvino" in spellings(CNN)
    assert not any(text.startswith("dynamic_int8") for text in spellings(CNN))
    assert "dynamic_int8 + onnxruntime" in spellings(LSTM)
    assert "fuse_transformer + dynamic_int8 + onnxruntime" in spellings(TRANSFORMER)
    assert "fuse_transformer + onnxruntime" in spellings(TRANSFORMER)
    assert not any("fuse_transformer" in text for text in spellings(CNN))


def test_a_starting_set_fits_the_machine() -> None:
    assert "openvino:precision=bf16" in spellings(CNN)
    assert "openvino:precision=bf16" not in spellings(CNN, flags=("avx2",))
    few = {"Add": 1}
    assert "onnxruntime:threads=2" in spellings(few, cores=2)
    assert "onnxruntime:threads=2" not in spellings(few, cores=1)


@pytest.mark.parametrize("name", [sample.name for sample in list_samples()])
def test_every_sample_starts_with_about_eight_recipes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_home(tmp_path, monkeypatch)
    sample = find_sample(name)
    model = ingest(f"sample:{name}", evalset=sample.evalset_path)
    found = starting_recipes(Circumstances(analysis_of(model).op_histogram, frozenset(FLAGS), 2))
    assert found[0].is_baseline and 4 <= len(found) <= 9  # few do anything for trees
    assert len({recipe.digest for recipe in found}) == len(found)


def test_neighbours_are_one_step_away() -> None:
    near = [r.spelling for r in neighbours(Recipe.parse("static_int8 + openvino"), ANYWHERE)]
    assert "static_int8:calibration=entropy + openvino" in near
    assert "simplify + static_int8 + openvino" in near
    assert all(text.endswith("openvino") for text in near)
    again = neighbours(Recipe.parse("simplify + onnxruntime"), ANYWHERE)
    assert all(recipe.spelling.count("simplify") <= 1 for recipe in again)


def test_what_is_around_a_recipe_is_tried_on_other_numbers_of_threads_too() -> None:
    here = Circumstances(CNN, frozenset(FLAGS), 4)
    recipe = Recipe.parse("static_int8 + onnxruntime")
    found = around(recipe, here, 4)
    assert {one for one in found if one.runtime.threads == 1} >= {
        one for one in neighbours(recipe, here) if one.runtime.threads == 1
    }
    assert {one.runtime.threads for one in found} == {1, 2, 4}


def test_a_neighbour_keeps_the_settings_that_are_not_changed() -> None:
    recipe = Recipe.parse("magnitude_prune + static_int8:activations=s8 + openvino:threads=2")
    near = [one.spelling for one in neighbours(recipe, ANYWHERE)]
    assert near == [
        "magnitude_prune:sparsity=0.5 + static_int8:activations=s8 + openvino:threads=2",
        "magnitude_prune + static_int8:calibration=entropy,activations=s8 + openvino:threads=2",
        "magnitude_prune + static_int8:calibration=percentile,activations=s8 + openvino:threads=2",
        f"simplify + {recipe.spelling}",
    ]


def test_what_is_not_installed_is_not_started_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_runtimes()["openvino"], "packages", ("no_such_package",))
    assert not any("openvino" in text for text in spellings(CNN))


def test_a_start_that_no_recipe_can_be_made_of_is_skipped_and_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before = spellings({"Add": 1})
    monkeypatch.setattr(all_runtimes()["openvino"], "starts", (Start("nonsense + openvino", 1),))
    kept = spellings({"Add": 1})
    assert kept and set(kept) < set(before)
    assert "nonsense" in caplog.text


@pytest.mark.parametrize("cores", [1, 2, 3, 8])
def test_candidates_combine_what_the_starts_are_made_of(cores: int) -> None:
    here = Circumstances(CNN, frozenset(FLAGS), cores)
    found = candidates(here, cores)
    assert found[0] == Recipe.baseline() and len(set(found)) == len(found)
    assert {one.runtime.threads for one in found} == set(thread_counts(cores))
    starts = {threaded(one, 1) for one in starting_recipes(here)}
    assert starts <= set(found)
    assert Recipe.parse("static_int8 + openvino:precision=bf16") in found


def test_a_compiler_that_was_installed_is_tried_by_its_own_starts_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Circumstances(CNN, frozenset(FLAGS), 2)
    assert not any(one.runtime.name == "litert" for one in candidates(here, 2))
    monkeypatch.setattr(all_runtimes()["litert"], "missing", classmethod(lambda cls: ()))
    found = [str(one) for one in candidates(here, 2) if one.runtime.name == "litert"]
    assert found == ["litert", "litert:threads=2"]
    assert not any("litert" in text for text in spellings(TREES))


def test_thread_counts_double_up_to_all_cores() -> None:
    assert [thread_counts(n) for n in (1, 2, 3, 4, 6)] == [
        [1],
        [1, 2],
        [1, 2, 3],
        [1, 2, 4],
        [1, 2, 4, 6],
    ]
