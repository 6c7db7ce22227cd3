"""Strategies on made-up grids: they keep the budget, and are paid by what is true."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.grids import candidate, of_recipes, table

from bench.strategies import STRATEGIES
from bench.strategies.game import (
    Game,
    TimeIsUp,
    best_at,
    hypervolume,
    hypervolume_at,
    played,
    state_at,
)
from bench.strategies.report import budget_of
from bench.strategies.report import run as report
from bench.table import Candidate

RECIPES = {
    "onnxruntime": candidate(1.0),
    "openvino": candidate(1.3),
    "openvino:precision=bf16": candidate(1.8, 0.002),
    "static_int8 + onnxruntime": candidate(2.5, 0.03),
    "static_int8 + openvino": candidate(2.2, 0.008),
    "simplify + static_int8 + openvino": candidate(2.4, 0.004),
    "simplify + onnxruntime": candidate(1.1),
    "onnxruntime:threads=2": candidate(1.7),
    "fp16 + onnxruntime": Candidate(build_seconds=3.0, error="It has no kernel."),
}
GRID = of_recipes(RECIPES)
LONG = 1e4
every = pytest.mark.parametrize("name", STRATEGIES)


def game(grid=GRID, budget=LONG, seed=0) -> Game:
    return Game(grid, np.random.default_rng(seed), budget)


@every
def test_the_budget_is_kept(name):
    for budget in (3.0, 4.0, 17.0, 60.0):
        assert all(state.seconds <= budget for state in played(STRATEGIES[name], GRID, 0, budget))


@every
def test_the_same_seed_plays_the_same(name):
    runs = [played(STRATEGIES[name], GRID, 7, 60.0) for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0]


@every
def test_with_time_and_without_noise_the_best_is_found(name):
    """Mostly: a sampler that has something good may go on asking for the same."""
    runs = [played(STRATEGIES[name], GRID, seed, 300.0) for seed in range(5)]
    assert sum(best_at(GRID, states, LONG) == GRID.best(0.01) for states in runs) >= 3


@every
def test_nothing_outside_the_limit_is_ever_picked(name):
    for state in played(STRATEGIES[name], GRID, 2, 300.0):
        assert state.pick != "static_int8 + onnxruntime"


def test_other_seeds_look_in_another_order():
    orders = {played(STRATEGIES["random"], GRID, seed, LONG)[-1].looked_at for seed in range(5)}
    assert len(orders) > 1


def test_the_fixed_list_begins_with_its_starts_and_finds_what_only_neighbours_are():
    looked = played(STRATEGIES["fixed list"], GRID, 0, LONG)[-1].looked_at
    assert looked[0] == "onnxruntime"
    assert looked.index("openvino") < looked.index("simplify + static_int8 + openvino")


def test_a_look_costs_build_timing_and_judging_once():
    one = game()
    one.look("openvino")
    assert one.clock == pytest.approx(1 + 2 + 1)
    one.look("openvino", processes=3)
    assert one.clock == pytest.approx(4 + 3 * 2)


def test_what_fails_costs_its_build_and_shows_nothing():
    one = game()
    assert one.look("fp16 + onnxruntime") is None
    assert one.clock == pytest.approx(3)
    assert not one.states


def test_a_look_that_does_not_fit_ends_the_game_without_being_seen():
    one = game(budget=7.9)
    one.look("openvino")
    with pytest.raises(TimeIsUp):
        one.look("static_int8 + openvino")
    assert one.clock == 7.9
    assert one.pick() == "openvino"


def test_a_lucky_reading_is_paid_with_what_is_true():
    noisy = of_recipes({"openvino": candidate(0.9, noise=0.5)})
    found = [best_at(noisy, played(STRATEGIES["random"], noisy, s, LONG), LONG) for s in range(20)]
    assert max(found) == 1.0  # seen as slow, so the original is left
    assert min(found) == pytest.approx(0.9)  # seen as fast


def test_more_processes_come_nearer_to_the_truth():
    noisy = of_recipes({"openvino": candidate(2.0, noise=0.5)})

    def error(processes: int) -> float:
        found = [game(noisy, seed=seed).look("openvino", processes) for seed in range(50)]
        return float(np.std([one.log for one in found]))

    assert error(16) < error(1) / 2


def test_before_the_first_look_the_original_is_all_there_is():
    states = played(STRATEGIES["random"], GRID, 0, LONG)
    assert state_at(states, 0.0).pick == ""
    assert best_at(GRID, states, 0.0) == 1.0
    assert hypervolume_at(GRID, states, 0.0) == 0.0


def test_a_slower_recipe_is_no_pick():
    slow = of_recipes({"openvino": candidate(0.8)})
    assert best_at(slow, played(STRATEGIES["random"], slow, 0, LONG), LONG) == 1.0


def test_hypervolume_of_two_steps_by_hand():
    grid = table(a=candidate(float(np.exp(1)), 0.01), b=candidate(float(np.exp(2)), 0.03))
    assert hypervolume(grid) == pytest.approx(1 * 0.04 + 1 * 0.02)


def test_hypervolume_counts_nothing_unsound_lossy_or_slow():
    grid = table(
        collapsed=candidate(5.0, sound=False), lossy=candidate(5.0, 0.06), slow=candidate(0.5)
    )
    assert hypervolume(grid) == 0.0


points = st.lists(st.tuples(st.floats(0.5, 8), st.floats(-0.01, 0.07)), min_size=1, max_size=6)


@given(points, st.floats(0, 1), st.floats(0, 0.02))
def test_a_dominated_recipe_adds_no_hypervolume(known, slower, worse):
    grid = table(**{f"r{i}": candidate(s, loss) for i, (s, loss) in enumerate(known)})
    speed, loss = known[0]
    beaten = candidate(max(0.1, speed - slower * speed / 2), loss + worse)
    more = table(**grid.candidates, beaten=beaten)
    assert hypervolume(more) == pytest.approx(hypervolume(grid))


@given(points)
def test_hypervolume_only_grows(known):
    grid = table(**{f"r{i}": candidate(s, loss) for i, (s, loss) in enumerate(known)})
    names = list(grid.candidates)
    volumes = [hypervolume(grid, names[: i + 1]) for i in range(len(names))]
    assert all(a <= b + 1e-12 for a, b in itertools.pairwise(volumes))


def test_slow_models_get_two_minutes():
    assert budget_of(GRID) == 60
    assert budget_of(GRID.model_copy(update={"baseline_ms": 10.1})) == 120


def test_the_report_names_every_strategy_and_the_machine(tmp_path, monkeypatch):
    GRID.write(tmp_path / "one.json")
    monkeypatch.setattr("bench.strategies.report.GRIDS", tmp_path)
    text, fine = report(_options([]))
    assert fine
    assert all(f"| made up | {name} |" in text for name in STRATEGIES)
    assert "a made-up CPU" in text


def test_without_a_grid_the_report_claims_nothing(tmp_path, monkeypatch):
    GRID.write(tmp_path / "one.json")
    monkeypatch.setattr("bench.strategies.report.GRIDS", tmp_path)
    assert not report(_options(["another"]))[1]


def _options(names):
    from argparse import Namespace

    return Namespace(names=names, seeds=2, document=False)
