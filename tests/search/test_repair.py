"""A fast recipe that loses too much is repaired by leaving out the nodes that do the damage."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.outliers import RUINED, write_outlier_mlp

from optim.build import built
from optim.errors import StepError
from optim.evalset import load_evalset
from optim.findings import Interval
from optim.graph import analysis_of
from optim.ingest import ingest
from optim.ingest.samples import find_sample
from optim.judging.quality import quality_of
from optim.judging.sensitivity import Rounding, Sensitivity
from optim.part import Circumstances
from optim.recipe import Recipe, excluding
from optim.search.guesses import guessed
from optim.search.leaving_out import LeftOut
from optim.search.node_times import NodeTimes
from optim.search.proposals import settings_of
from optim.search.repair import Attempt, Proposal, Subject, repaired, repairs, smallest_that_holds
from optim.search.space import neighbours

INT8 = Recipe.parse("static_int8 + onnxruntime")
ANYWHERE = Circumstances({})
odd_names = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=200, unique=True)


def exactly(loss: float) -> Interval:
    return Interval(value=loss, low=loss, high=loss)


@given(odd_names)
def test_a_long_exclude_spells_parses_and_keeps_its_digest(names: list[str]) -> None:
    recipe = excluding(INT8, names)
    assert Recipe.parse(recipe.spelling) == recipe
    assert Recipe.parse(recipe.spelling).digest == recipe.digest
    assert set(recipe.passes[-1].model_dump()["exclude"]) == set(names)


def test_excluding_adds_to_what_is_left_out_already_and_order_does_not_matter() -> None:
    recipe = Recipe.parse("simplify + static_int8:exclude=a,samples=4 + onnxruntime:threads=2")
    more = excluding(recipe, ["c", "b"])
    assert more == excluding(recipe, ["b", "c", "a"])
    assert str(more) == "simplify + static_int8:samples=4,exclude=a|b|c + onnxruntime:threads=2"


def test_other_settings_are_those_that_the_pass_declares() -> None:
    usual = {str(one) for one in settings_of(INT8, ANYWHERE)}
    assert "static_int8:calibration=percentile + onnxruntime" in usual
    assert not any("exclude" in one for one in usual)


def test_what_is_only_faster_is_tried_near_what_is_fast_and_repairs_nothing() -> None:
    faster = Recipe.parse("static_int8:per_channel=false + onnxruntime")
    here = Circumstances({"MatMul": 3})
    assert faster in neighbours(INT8, here) and faster not in settings_of(INT8, here)


def test_repairs_are_nested_then_other_settings_and_say_why() -> None:
    noisy = [Rounding(nodes=(f"n{i}",), noise=0.5**i) for i in range(1, 6)]
    found = Sensitivity(
        roundings=noisy, together={"y": 0.9}, samples=4, runs=5, seconds=1, complete=True
    )
    times = NodeTimes({f"n{i}": 10.0 for i in range(1, 11)}, {f"n{i}": 5.0 for i in range(1, 11)})
    proposed = repairs(INT8, found, times, ANYWHERE)
    left = [one for one in proposed if one.left_out]
    assert left == proposed[: len(left)]
    assert len(proposed) > len(left)
    assert left[0].why == "Left in float: n1, 10 % of the time, 52 % of the error."
    excluded = [set(one.recipe.passes[-1].model_dump()["exclude"]) for one in left]
    assert all(a < b for a, b in zip(excluded, excluded[1:], strict=False))


@given(st.lists(st.floats(0.01, 0.9), min_size=1, max_size=25), st.floats(0.001, 1), st.data())
def test_the_smallest_set_that_holds_is_found_whatever_the_loss_does_with_noise(
    steps: list[float], limit: float, data: st.DataObject
) -> None:
    """Where the loss falls with each set; by few judgements."""
    sets, noise = [], 1.0
    for i, step in enumerate(steps):
        noise *= step
        sets.append(LeftOut((f"n{i}",), (f"n{i}",), noise, 0.0, float(i)))
    bend = data.draw(st.floats(0.2, 3))
    judged: list[LeftOut] = []

    def judge(one: LeftOut) -> Attempt:
        judged.append(one)
        loss = 2 * one.noise**bend
        return Attempt(Proposal(INT8, one, ""), exactly(loss), loss <= limit)

    found = smallest_that_holds(sets, judge, limit, 2.0)
    expected = next((one for one in sets if 2 * one.noise**bend <= limit), None)
    assert found == expected
    assert len(judged) <= 8
    assert len(set(judged)) == len(judged)


def test_guesses_begin_with_the_last_and_the_first_product(home: Path) -> None:
    sample = find_sample("fashion")
    rows = analysis_of(ingest(sample.model_path, evalset=sample.evalset_path))
    sets = guessed(rows)
    products = [row.name for row in rows.nodes if row.op in ("Conv", "Gemm")]
    assert products[-1] in sets[0].nodes
    assert any(products[0] in one.added for one in sets)
    assert all(set(a.nodes) < set(b.nodes) for a, b in zip(sets, sets[1:], strict=False))
    assert set(sets[-1].nodes) <= {row.name for row in rows.nodes}


@pytest.mark.deep
def test_a_ruined_model_is_repaired_by_the_node_that_ruins_it(home: Path, tmp_path: Path) -> None:
    path, inputs = write_outlier_mlp(tmp_path)
    model = ingest(path, evalset=inputs)
    evalset = load_evalset(inputs, model)

    def judge(recipe: Recipe) -> Interval:
        after = built(model, recipe, evalset).model
        return exactly(1 - quality_of(after, model, recipe, evalset).fidelity.cosine)

    lossy = judge(INT8).value
    subject = Subject(model, evalset, Circumstances(analysis_of(model).op_histogram))
    found = repaired(subject, INT8, judge, lossy / 20, seconds=120)
    assert found.left_out == (RUINED,)
    assert found.recipe == Recipe.parse(f"static_int8:exclude={RUINED}")
    assert found.loss and found.loss.value <= lossy / 20 < found.tried[0].loss.value
    assert any(sentence.startswith(f"Left in float: {RUINED}") for sentence in found.said)
    unreachable = repaired(subject, INT8, judge, -1.0, seconds=1)
    assert unreachable.recipe is None
    assert "None of" in unreachable.said[0]


def test_what_holds_is_left_alone_and_what_cannot_be_built_is_no_repair(
    home: Path, tmp_path: Path
) -> None:
    path, inputs = write_outlier_mlp(tmp_path)
    model = ingest(path, evalset=inputs)
    subject = Subject(model, load_evalset(inputs, model), ANYWHERE)
    kept = repaired(subject, INT8, lambda recipe: exactly(0.0), 0.01)
    assert kept.recipe == INT8
    assert len(kept.tried) == 1

    def refuse(recipe: Recipe) -> Interval:
        raise StepError("It cannot be built.", "Try another.")

    broken = repaired(subject, Recipe.parse("fp16"), refuse, 0.01)
    assert broken.recipe is None
    assert any("cannot be built" in sentence for sentence in broken.said)


def test_the_intervals_end_counts_where_the_loss_must_be_shown(home: Path) -> None:
    model = find_sample("weather")
    brought = ingest(model.model_path, evalset=model.evalset_path)
    subject = Subject(brought, load_evalset(model.evalset_path, brought), ANYWHERE)
    unsure = Interval(value=0.0, low=-0.02, high=0.02)
    plain = Recipe.parse("fp16")
    assert repaired(subject, plain, lambda recipe: unsure, 0.01).recipe == plain
    assert repaired(subject, plain, lambda recipe: unsure, 0.01, sure=True).recipe is None
