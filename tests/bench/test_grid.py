"""A grid is measured fairly, keeps what it has, and goes on where it was."""

import itertools

import pytest
from support.grids import candidate, of_recipes

from bench import grid
from bench.table import Candidate, Table
from optim.recipe import Recipe

pytestmark = pytest.mark.slow

NAMES = ["onnxruntime", "openvino", "simplify + onnxruntime"]


@pytest.fixture
def looks(classifier, monkeypatch) -> list[str]:
    """The order of looks, each of which adds a process without measuring; openvino fails."""
    order: list[str] = []

    def look(one, turn, table, models, extents):
        order.extend(turn)
        return {spelling: seen(spelling, table) for spelling in turn}

    def seen(spelling, table):
        if spelling == "openvino":
            return Candidate(error="It has no kernel.")
        known = table.candidates.get(spelling, candidate(1.0, processes=1))
        return known.model_copy(update={"logs": (0.5,) * (order.count(spelling))})

    begun = of_recipes({}).model_copy(update={"wanted": tuple(NAMES)})
    monkeypatch.setattr(grid, "_looked_at", look)
    monkeypatch.setattr(grid, "_begun", lambda one: begun)
    return order


def filled(one, path, monkeypatch, turns: int, processes: int = 99) -> Table:
    """Fill by a clock that says that a look takes a second."""
    clock = itertools.count()
    monkeypatch.setattr(grid.time, "monotonic", lambda: next(clock))
    return grid.fill(one, path, grid.Extents(turns, processes), lambda said: None)


@pytest.mark.deep
def test_all_are_looked_at_once_in_order_before_any_is_again(
    looks, classifier, tmp_path, monkeypatch
):
    filled(classifier, tmp_path / "grid.json", monkeypatch, 5)
    assert looks[:3] == NAMES
    assert sorted(looks[3:5]) == sorted(looks[5:7]) == [NAMES[0], NAMES[2]]


@pytest.mark.deep
def test_it_ends_where_each_was_timed_in_enough_processes(looks, classifier, tmp_path, monkeypatch):
    found = filled(classifier, tmp_path / "grid.json", monkeypatch, 1000, processes=3)
    assert [len(one.logs) for one in found.candidates.values()] == [3, 0, 3]
    assert len(looks) == 7


def test_what_failed_is_kept_and_not_tried_again(looks, classifier, tmp_path, monkeypatch):
    found = filled(classifier, tmp_path / "grid.json", monkeypatch, 9)
    assert looks.count("openvino") == 1
    assert found.candidates["openvino"].error == "It has no kernel."
    assert "openvino" not in found.measured


def test_an_interrupted_grid_goes_on_where_it_was(looks, classifier, tmp_path, monkeypatch):
    path = tmp_path / "grid.json"
    filled(classifier, path, monkeypatch, 2)
    assert set(Table.read(path).candidates) == set(NAMES[:2])
    filled(classifier, path, monkeypatch, 3)
    assert looks == NAMES


def test_a_grid_whose_time_is_spent_is_left_as_it_is(looks, classifier, tmp_path, monkeypatch):
    path = tmp_path / "grid.json"
    first = filled(classifier, path, monkeypatch, 4)
    assert filled(classifier, path, monkeypatch, 4) == first
    assert first.spent_seconds == 4


@pytest.mark.deep
def test_a_real_grid_times_builds_and_judges(classifier, tmp_path, monkeypatch):
    chosen = ["onnxruntime", "openvino", "simplify + onnxruntime", "static_int8 + onnxruntime"]
    monkeypatch.setattr(grid, "recipes", lambda here: [Recipe.parse(one) for one in chosen])
    path = tmp_path / "grid.json"
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == len(chosen) + 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grid.fill(classifier, path, grid.Extents(1e6, processes=3), say)
    found = Table.read(path)
    assert found.baseline_ms > 0
    assert found.ops == {"MatMul": 2, "Relu": 1}
    assert set(found.candidates) == set(chosen)
    own = found.candidates["onnxruntime"]
    assert own.loss is not None
    assert own.loss.value == 0
    assert own.samples == classifier.evalset.validation_count
    quantized = found.candidates["static_int8 + onnxruntime"]
    assert quantized.build_seconds > own.build_seconds == 0
    assert quantized.loss is not None
    timed = [one for one in found.candidates.values() if one.logs]
    assert all(0 < one.own_seconds < one.slice_seconds for one in timed)
    assert sum(len(one.logs) for one in found.candidates.values()) >= len(chosen)
