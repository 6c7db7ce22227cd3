"""Which recipes are tried, what is best, and a real exploration of a small model."""

import time
from pathlib import Path

import pytest
from support.study_tools import brought, study, use_home

from optim.findings import Interval
from optim.graph import analysis_of
from optim.ingest import ingest
from optim.ingest.samples import find_sample, list_samples
from optim.judging.quality import Quality
from optim.machine.environment import environment
from optim.part import Circumstances, Start
from optim.recipe import Recipe
from optim.running.queue import Queue
from optim.runtimes.base import all_runtimes
from optim.search.explore import explore_study, neighbours, starting_recipes, starting_set
from optim.studies.choice import best_within, front_of, point_of
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.timing.measurement import Summary

__all__ = ["brought", "study"]  # fixtures

FLAGS = ("avx512_vnni", "avx512_bf16", "amx_bf16")
CNN = {"Conv": 20, "Relu": 20, "Gemm": 1}
TRANSFORMER = {"MatMul": 32, "Softmax": 4, "Add": 40}
LSTM = {"LSTM": 2, "Gemm": 1}
ANYWHERE = Circumstances({})
TREES = {"ai.onnx.ml.TreeEnsembleClassifier": 1}


def spellings(ops: dict[str, int], flags: tuple[str, ...] = FLAGS, cores: int = 2) -> list[str]:
    return [recipe.spelling for recipe in starting_recipes(ops, flags, cores)]


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
    found = starting_recipes(analysis_of(model).op_histogram, FLAGS, 2)
    assert found[0].is_baseline and 6 <= len(found) <= 9
    assert len({recipe.digest for recipe in found}) == len(found)


def test_neighbours_are_one_step_away() -> None:
    near = [r.spelling for r in neighbours(Recipe.parse("static_int8 + openvino"), ANYWHERE)]
    assert "static_int8:calibration=entropy + openvino" in near
    assert "simplify + static_int8 + openvino" in near
    assert all(text.endswith("openvino") for text in near)
    again = neighbours(Recipe.parse("simplify + onnxruntime"), ANYWHERE)
    assert all(recipe.spelling.count("simplify") <= 1 for recipe in again)


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


def trial(
    number: int, speedup: float, loss: float, *, width: float = 0.01, metric: str = "top1"
) -> Trial:
    """A finished trial that is so many times faster and loses so much, in the metric's unit."""
    gain = Interval(value=speedup, low=speedup * (1 - width), high=speedup * (1 + width))
    p50 = Interval(value=1 / speedup, low=1 / gain.high, high=1 / gain.low)
    up = metric == "top1"
    base = 0.9 if up else 20.0
    difference = -loss if up else loss
    recipe = Recipe.baseline()
    return Trial(
        number=number,
        recipe=recipe,
        recipe_digest=recipe.digest,
        target="local",
        state="done",
        created="2026-01-01T00:00:00",
        summary=Summary(
            p50_ms=p50,
            percentiles={"p50": p50},
            throughput_per_s=1,
            speedup=gain,
            baseline_p50_ms=1,
            runs=100,
            processes=3,
            provisional=False,
        ),
        quality=Quality.model_validate(
            {
                "metric": metric,
                "value": base + difference,
                "baseline_value": base,
                "difference": difference,
                "difference_ci": (difference - 1e-4, difference + 1e-4),
                "p_value": None,
                "n": 1000,
                "labelled": True,
                "complete": True,
                "fidelity": {
                    "top1_agreement": 1,
                    "cosine": 1,
                    "sqnr_db": None,
                    "max_error": 0,
                },
                "collapsed": False,
                "verdict": "",
            }
        ),
    )


def test_the_best_is_the_fastest_within_the_loss() -> None:
    trials = [trial(0, 1, 0), trial(1, 2, 0.005), trial(2, 3, 0.02), trial(3, 9, 0.5)]
    for max_loss, number in ((0, 0), (0.01, 1), (0.03, 2), (1, 3)):
        best = best_within(trials, max_loss)
        assert best and best.number == number


def test_loss_of_an_error_is_relative() -> None:
    trials = [trial(0, 1, 0, metric="mae"), trial(1, 2, 0.1, metric="mae")]
    best = best_within(trials, 0.01)  # 0.1 of 20 is half a percent
    assert best and best.number == 1
    best = best_within(trials, 0.004)
    assert best and best.number == 0


def test_a_gain_in_quality_is_no_loss() -> None:
    best = best_within([trial(0, 1, 0), trial(1, 2, -0.02)], 0)
    assert best and best.number == 1


def test_nothing_measured_has_no_best_and_no_front() -> None:
    unmeasured = trial(0, 1, 0).model_copy(update={"summary": None})
    assert best_within([unmeasured], 1) is None and best_within([], 1) is None
    assert front_of([unmeasured]) == set() and point_of(unmeasured) is None


def test_the_front_keeps_ties_and_drops_what_is_beaten() -> None:
    trials = [
        trial(0, 1, 0),
        trial(1, 2, 0.01),
        trial(2, 2.01, 0.01),  # its interval overlaps the one before
        trial(3, 1.5, 0.02),  # slower and worse than 1
        trial(4, 3, 0.05),
    ]
    assert front_of(trials) == {0, 1, 2, 4}


def test_threads_count_in_a_point_but_not_in_a_speedup() -> None:
    one = trial(0, 2, 0)
    assert one.summary
    gain = Interval(value=1.5, low=1.4, high=1.6)
    two = one.model_copy(update={"summary": one.summary.model_copy(update={"thread_gain": gain})})
    slow, fast = point_of(one), point_of(two)
    assert slow and fast
    assert fast.cost.value == pytest.approx(slow.cost.value / 1.5)
    assert fast.cost.low < fast.cost.value < fast.cost.high


@pytest.mark.alone
def test_exploring_a_real_model_ends_in_time_with_points(study: Study) -> None:
    seen: set[int] = set()
    expected = starting_set(study)
    here = environment()
    histogram = analysis_of(study.model).op_histogram
    assert expected == starting_recipes(histogram, here["flags"].split(), int(here["cores"]))
    with Queue.open() as queue:
        started = time.monotonic()
        numbers = explore_study(study, queue, 10, lambda trial: seen.add(trial.number))
        took = time.monotonic() - started
    trials = study.trials_of(numbers)
    assert took < 40  # the budget, and what a cancelled step needs to end
    assert [trial.recipe for trial in trials[: len(expected)]] == expected
    assert all(trial.finished for trial in trials) and seen == set(numbers)
    assert {trial.state for trial in trials} <= {"done", "cancelled", "failed"}
    assert {trial.origin for trial in trials} == {"explore"}
    done = [trial for trial in trials if trial.state == "done"]
    assert done and front_of(done) <= {trial.number for trial in done}
