"""A stored grid reads back, and says what is best."""

from math import log

import pytest
from support.grids import candidate, of_recipes, spelled, table

from bench.table import GRIDS, Candidate, Table


def test_a_grid_reads_back(tmp_path):
    fast = candidate(1.0, 0.005).model_copy(update={"logs": (0.5, 0.25), "thread_logs": (0.1, 0.2)})
    whole = table(fast=fast, broken=Candidate(error="no kernel"))
    whole.write(tmp_path / "deeper" / "grid.json")
    assert Table.read(tmp_path / "deeper" / "grid.json") == whole


def test_an_empty_grid_reads_back(tmp_path):
    table().write(tmp_path / "grid.json")
    assert Table.read(tmp_path / "grid.json") == table()


def test_a_recipe_a_line_keeps_changes_small(tmp_path):
    table(a=candidate(2.0), b=candidate(3.0)).write(tmp_path / "grid.json")
    lines = (tmp_path / "grid.json").read_text().splitlines()
    assert sum('"logs"' in line for line in lines) == 2


def test_the_best_is_sound_and_within_the_limit():
    whole = table(
        original=candidate(1.0),
        fair=candidate(1.5, 0.01),
        lossy=candidate(9.0, 0.011),
        collapsed=candidate(8.0, 0.0, sound=False),
        broken=Candidate(error="no kernel"),
    )
    assert whole.best(0.01) == pytest.approx(1.5)
    assert whole.best(0.02) == pytest.approx(9.0)


def test_where_nothing_may_be_chosen_the_original_is_left():
    assert table(lossy=candidate(9.0, 0.5)).best(0.01) == 1.0


def test_what_is_the_same_as_another_stands_for_it():
    whole = table(
        one=candidate(2.0),
        twin=Candidate(same_as=spelled("one")),
        lost=Candidate(same_as=spelled("gone")),
    )
    assert whole.measured[spelled("twin")] == whole.candidates[spelled("one")]
    assert spelled("lost") not in whole.measured


def test_the_speedup_is_the_geometric_mean_over_processes():
    one = candidate(1.0).model_copy(update={"logs": (log(2), log(8))})
    assert table(one=one).speedups[spelled("one")] == pytest.approx(4)


def test_recipes_that_are_as_fast_by_nature_are_one_speed():
    usual, entropy = "static_int8 + openvino", "static_int8:calibration=entropy + openvino"
    grid = of_recipes({usual: candidate(2.0), entropy: candidate(8.0), "openvino": candidate(3.0)})
    assert grid.speedups == {
        usual: pytest.approx(4),
        entropy: pytest.approx(4),
        "openvino": pytest.approx(3),
    }


def test_what_has_the_same_passes_is_built_once():
    grid = of_recipes(
        {
            f"simplify + {engine}": candidate(1.0, build=7.0)
            for engine in ("onnxruntime", "openvino")
        }
    )
    assert grid.seconds == pytest.approx(7 + 2 * (2 + 1))
    assert grid.seconds_of(["simplify + openvino"]) == pytest.approx(7 + 2 + 1)


def test_a_stored_grid_knows_what_was_probed_of_its_machine():
    found = [Table.read(path) for path in GRIDS.glob("*.json")]
    assert found
    assert all(one.circumstances.known for one in found)
