"""What single nodes do to the outputs: found in few runs, in time, on calibration inputs."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.outliers import RUINED, write_outlier_mlp

from optim.build import built
from optim.errors import Cancelled, InputError
from optim.evalset import EvalSet, load_evalset
from optim.ingest import ingest
from optim.judging.sensitivity import can_leave_out, sensitivity_of, split
from optim.model import Model
from optim.recipe import Recipe

noises = st.lists(st.floats(0, 1), min_size=1, max_size=40)


def additive(each: list[float], runs: list[int]):
    def noise(on: Iterable[int]) -> float:
        runs.append(1)
        return sum(each[i] for i in on)

    return noise


@given(noises, st.integers(0, 50))
def test_with_time_each_that_matters_is_found_and_the_rest_is_shared(
    each: list[float], pieces: int
) -> None:
    found, complete = split(len(each), additive(each, []), lambda: False, pieces)
    assert complete
    assert sum(found) == pytest.approx(sum(each))
    little = 1.01e-3 * sum(each)
    assert all(a == pytest.approx(b, abs=little) for a, b in zip(found, each, strict=True))


@given(st.integers(1, 200), st.integers(0, 199))
def test_one_among_many_takes_few_runs(count: int, at: int) -> None:
    each, runs = [0.0] * count, []
    each[at % count] = 0.5
    found, complete = split(count, additive(each, runs), lambda: False)
    assert complete
    assert found.index(max(found)) == at % count
    assert len(runs) <= 3 + 2 * 8


def test_where_all_can_be_afforded_none_is_run_twice() -> None:
    runs: list[int] = []
    split(30, additive([0.1] * 30, runs), lambda: False, 1000)
    assert len(runs) == 30


def test_without_time_a_group_shares_its_noise() -> None:
    found, complete = split(6, additive([0.1, 0.2, 0.0, 0.0, 0.2, 0.3], []), lambda: True)
    assert not complete
    assert found == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.1, 0.3])


@pytest.fixture
def case(home: Path, tmp_path: Path) -> tuple[Model, EvalSet]:
    path, inputs = write_outlier_mlp(tmp_path)
    model = ingest(path, evalset=inputs)
    return model, load_evalset(inputs, model)


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["static_int8", "dynamic_int8"])
def test_the_node_that_ruins_a_model_is_found(case: tuple[Model, EvalSet], recipe: str) -> None:
    model, evalset = case
    made = Recipe.parse(recipe)
    after = built(model, made, evalset).model
    found = sensitivity_of(model, after, made, evalset, seconds=30)
    worst = max(found.roundings, key=lambda one: one.noise)
    assert worst.nodes == (RUINED,)
    assert worst.noise > 3 * sorted(one.noise for one in found.roundings)[-2]
    assert found.complete
    assert found.noise > 0


@pytest.mark.slow
def test_a_build_with_earlier_passes_and_exclusions_is_measured_too(
    case: tuple[Model, EvalSet],
) -> None:
    model, evalset = case
    made = Recipe.parse(f"simplify + static_int8:exclude={RUINED}")
    before = built(model, Recipe.parse("simplify"), evalset).model
    found = sensitivity_of(before, built(model, made, evalset).model, made, evalset, seconds=20)
    assert not any(RUINED in one.nodes and len(one.nodes) == 1 for one in found.roundings)


def test_it_can_be_cancelled(case: tuple[Model, EvalSet]) -> None:
    model, evalset = case
    made = Recipe.parse("static_int8")
    with pytest.raises(Cancelled):
        sensitivity_of(model, model, made, evalset, cancelled=lambda: True)


@pytest.mark.parametrize("recipe", ["onnxruntime", "fp16", "simplify"])
def test_what_leaves_no_node_out_is_refused(case: tuple[Model, EvalSet], recipe: str) -> None:
    model, evalset = case
    assert not can_leave_out(Recipe.parse(recipe))
    with pytest.raises(InputError, match="node by node"):
        sensitivity_of(model, model, Recipe.parse(recipe), evalset)
