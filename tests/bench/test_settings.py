"""A grid of serving settings is measured in parts, stored, and the search is played on it."""

from pathlib import Path

import pytest

from bench.serving import settings as measured
from bench.serving.settings import Grid, Tried, judged
from optim.serving.settings import Rest, Serving


def peak_of(one: Serving) -> float:
    return 100.0 * one.sessions * one.most**0.5 * (1.2 if isinstance(one, Rest) else 1.0)


@pytest.fixture
def grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    """Whole: a quick load takes 3 s, a peak 60 s."""

    def timed(_: Path, serving: Serving, __: object) -> tuple[float, float]:
        timed.calls += 1  # type: ignore[attr-defined]
        return (peak_of(serving), 3.0 if timed.calls % 2 else 60.0)  # type: ignore[attr-defined]

    timed.calls = 0  # type: ignore[attr-defined]
    monkeypatch.setattr(measured, "_timed", timed)
    found = Grid("m", "a machine", 20.0, cores=4)
    found.measure(tmp_path, 100.0, tmp_path / "grids" / "one.json")
    return found


def test_it_goes_on_where_it_was(grid: Grid, tmp_path: Path) -> None:
    assert not grid.missing and len(grid.tried) == len(grid.settings)
    again = Grid.of(tmp_path / "grids" / "one.json")
    assert again == grid
    del again.tried[str(grid.settings[3])]
    assert again.missing == [grid.settings[3]]
    again.measure(tmp_path, -1.0, tmp_path / "grids" / "one.json")
    assert again.missing, "its time is over"


def test_the_search_is_played_with_the_times_that_were_measured(grid: Grid) -> None:
    found = grid.replayed()
    assert found.seconds == 3.0 * len(found.ranked) + 60.0 * (len(found.peaks) + 2)
    text, holds = judged(grid, found)
    assert holds and found.serving == max(grid.settings, key=peak_of) and "100%" in text


def test_what_is_far_from_the_best_or_late_does_not_hold(grid: Grid) -> None:
    found = grid.replayed()
    grid.tried[str(grid.settings[-1])] = Tried(1.0, 3.0, 1e6, 60.0)
    assert not judged(grid, found)[1], "another is far better"
    found = grid.replayed()
    found.seconds = 1e6
    assert not judged(grid, found)[1], "it took too long"
