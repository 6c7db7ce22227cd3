"""The search on what was really measured: never wrong, and near the best there is."""

import pytest

from bench.strategies import this_search
from bench.strategies.game import LIMIT, best_at, played, state_at
from bench.strategies.report import budget_of
from bench.strategies.truth import told
from bench.table import GRIDS, Table, within

GRID = {table.model: table for table in map(Table.read, sorted(GRIDS.glob("*.json")))}


@pytest.mark.parametrize("model", ["fashion", "gru", "resnet18", "weather"])
@pytest.mark.parametrize("seed", [0, 1])
def test_what_it_picks_is_faster_within_the_limit_and_near_the_best(model: str, seed: int) -> None:
    table = GRID[model]
    states = played(this_search, table, seed, budget_of(table))
    pick = state_at(states, budget_of(table)).pick
    assert not pick or (table.speedups[pick] > 1 and within(table.measured[pick], LIMIT))
    assert best_at(table, states, budget_of(table)) > 0.85 * table.best(LIMIT)


def test_grids_say_how_well_they_are_known() -> None:
    lines = told([GRID["fashion"], GRID["minilm"]]).splitlines()[2:]
    assert [line.split(" | ")[3] for line in lines] == ["8", "1"]
    assert lines[1].count("| - |") >= 1  # one process tells no error
