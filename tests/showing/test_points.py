"""One meaning of front: what is starred, listed and drawn is the same, and other axes say so."""

from collections.abc import Sequence

import plotly.graph_objects as go
import pytest
from support.trials import METRIC, disagreeing, estimated, measured

from optim.cli.show import trial_table
from optim.showing.chart import trade_off
from optim.showing.figures import LATENCY, QUALITY, SPEEDUP, figures
from optim.showing.points import Plane, default_plane, marks
from optim.studies.choice import front_of, tied_with
from optim.studies.front import Point, front
from optim.studies.trial import Trial
from ui.explore.table import frame

SAME_SPEED = [measured(0, 2.0, 1.0), measured(1, 1.0, 2.0), measured(2, 0.5, 1.99, 0.9)]
STUDIES = {"disagreeing": disagreeing(), "same speed": SAME_SPEED, "one": [measured(0, 1.0, 1.0)]}


def plane(x: str, y: str, trials: Sequence[Trial]) -> Plane:
    known = figures(METRIC, trials)
    return Plane(known[x], known[y])


def drawn_on_front(figure: go.Figure) -> set[int]:
    """Numbers of the points that are as large as those on the front."""
    return {
        number
        for trace in figure.data
        if trace.meta == "points"
        for (number, *_), size in zip(trace.customdata, trace.marker.size, strict=True)
        if size == 15
    }


def starred(trials: Sequence[Trial]) -> set[int]:
    """Numbers of the trials that the command line stars."""
    rows = trial_table(trials, METRIC, front_of(trials)).splitlines()[1:]
    return {t.number for t, row in zip(trials, rows, strict=True) if row.startswith("*")}


def ticked(trials: Sequence[Trial]) -> set[int]:
    """Numbers of the trials that the page's table has on the front."""
    table = frame(trials, front_of(trials), METRIC)
    return set(table["#"][table["front"]].tolist())


@pytest.mark.parametrize("axes", [(LATENCY, QUALITY), (SPEEDUP, QUALITY), (QUALITY, LATENCY)])
@pytest.mark.parametrize("name", STUDIES)
def test_stars_table_and_chart_have_the_studys_front(name: str, axes: tuple[str, str]) -> None:
    trials, seen = STUDIES[name], plane(*axes, STUDIES[name])
    shown = drawn_on_front(trade_off(marks(trials, seen), *seen.axes(), front=seen.front_name))
    with_place = {trial.number for trial, _, _ in seen.placed(trials)}
    assert starred(trials) == ticked(trials) == front_of(trials)
    assert shown == front_of(trials) & with_place
    assert seen.front_name == "front"


def test_the_paired_ratios_decide_where_the_times_say_otherwise() -> None:
    trials = disagreeing()
    absolute = [
        Point(trial.number, at_x, at_y.negated())
        for trial, at_x, at_y in default_plane(METRIC, trials).placed(trials[:5])
    ]
    assert front(absolute) == {2, 4}
    assert front_of(trials) == {1, 4, 5}


def test_other_axes_have_a_front_of_their_own_that_says_so() -> None:
    trials = disagreeing()
    seen = plane("p99", QUALITY, trials)
    figure = trade_off(marks(trials, seen), *seen.axes(), front=seen.front_name)
    assert drawn_on_front(figure) == seen.front(trials) == {2, 4}
    assert "front on these axes" in {trace.name for trace in figure.data}
    hovers = [text for trace in figure.data for text in trace.hovertext or ()]
    assert sum("On the front on these axes" in text for text in hovers) == 2
    assert front_of(trials) == {1, 4, 5}  # the study's stays what it is


def test_only_those_on_the_front_say_it_when_pointed_at() -> None:
    trials = disagreeing()
    found = {mark.number: mark.hover for mark in marks(trials, default_plane(METRIC, trials))}
    assert {number for number, hover in found.items() if "On the front" in hover} == {1, 4, 5}
    assert "2.00" not in "".join(found[0][:1])
    assert found[5][0].endswith("an estimate")


def test_ties_are_the_studys_on_its_axes_and_the_axes_own_elsewhere() -> None:
    trials = [measured(0, 2.0, 1.0), measured(1, 1.0, 2.0), measured(2, 0.5, 1.99)]
    assert default_plane(METRIC, trials).tied_with(trials, 1) == tied_with(trials, 1) == {2}
    assert plane("p95", QUALITY, trials).tied_with(trials, 1) == set()
    assert tied_with(trials, 99) == plane("p95", QUALITY, trials).tied_with(trials, 99) == set()


def test_each_target_has_a_line_of_its_own_and_one_name_in_the_legend() -> None:
    trials = [measured(0, 2.0, 1.0), estimated(1, 0.5), estimated(2, 0.9, "nvidia_l4")]
    seen = default_plane(METRIC, trials)
    lines = [t for t in trade_off(marks(trials, seen), *seen.axes()).data if t.mode == "lines"]
    assert [line.name for line in lines] == ["front", "front, estimated", "front, estimated"]
    assert [line.showlegend for line in lines] == [True, True, False]


def test_the_original_that_is_named_is_this_machines_else_that_of_the_one_elsewhere() -> None:
    here = measured(0, 2.0, 1.0)
    there = here.model_copy(update={"number": 1, "target": "A CPU, machine 1"})
    for trials, named in (([there], 1), ([there, here], 0)):
        drawn = marks(trials, default_plane(METRIC, trials))
        assert [m.number for m in drawn if m.kind == "baseline" and m.short == "original"] == [
            named
        ]
