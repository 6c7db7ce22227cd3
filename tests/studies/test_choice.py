"""What collapsed is nowhere on a front and never chosen; what drifted far off is not chosen."""

import pytest
from support.trials import METRIC, measured, quality

from optim.findings import Caution
from optim.recipe import Recipe
from optim.showing.chart import trade_off
from optim.showing.figures import figures
from optim.showing.points import Plane, default_plane, marks
from optim.studies.choice import front_of, point_of, tied_with
from optim.studies.picking import picked
from optim.studies.trial import Trial

INT8 = Recipe.parse("static_int8 + onnxruntime")


def with_outputs(trial: Trial, **found: bool) -> Trial:
    """The trial of another recipe, its metric as it was and its outputs collapsed or drifted."""
    assert trial.quality
    judged = trial.quality.model_copy(update=found)
    text = Caution(code="collapsed", text="cosine 0.03")
    return trial.model_copy(update={"quality": judged, "recipe": INT8, "warnings": (text,)})


FAST = measured(1, 0.5, 4.0)
TRIALS = [measured(0, 2.0, 1.0), with_outputs(FAST, collapsed=True)]


def test_what_collapsed_is_never_chosen_though_the_metric_held() -> None:
    best = picked(TRIALS)
    assert best and best.number == 0
    assert picked(TRIALS[1:]) is None


def test_what_collapsed_has_no_place_on_the_front_and_no_ties() -> None:
    assert front_of(TRIALS) == {0}
    assert point_of(TRIALS[1]) is None
    assert tied_with([*TRIALS, measured(2, 0.5, 4.0)], 1) == set()


def test_other_axes_leave_it_out_of_their_front_too() -> None:
    known = figures(METRIC, TRIALS)
    assert Plane(known["p99"], known["size"]).front(TRIALS) == {0}


def test_the_chart_crosses_out_what_collapsed_and_says_so() -> None:
    plane = default_plane(METRIC, TRIALS)
    figure = trade_off(marks(TRIALS, plane), *plane.axes())
    (cross,) = [trace for trace in figure.data if trace.name == "collapsed"]
    assert cross.marker.symbol == ("x-thin",) and [number for (number,) in cross.customdata] == [1]
    assert "Collapsed: no place on a front" in cross.hovertext[0]
    symbols = {s for t in figure.data if t.customdata for s in t.marker.symbol} - {"x-thin"}
    assert len(symbols) == 1  # the other keeps its shape


def test_what_drifted_far_keeps_its_place_and_is_not_chosen() -> None:
    trials = [TRIALS[0], with_outputs(FAST, drifted=True)]
    best = picked(trials)
    assert best and best.number == 0
    assert 1 in front_of(trials)


def test_what_is_near_the_original_is_chosen() -> None:
    trials = [TRIALS[0], with_outputs(FAST)]
    best = picked(trials)
    assert best and best.number == 1


@pytest.mark.parametrize("found", ["collapsed", "drifted"])
def test_the_original_itself_may_always_be_chosen(found: str) -> None:
    judged = quality(0.9).model_copy(update={found: True})  # it draws at random, for one
    original = measured(0, 1.0, 1.0).model_copy(
        update={"quality": judged, "recipe": Recipe.baseline()}
    )
    assert picked([original]) == original and front_of([original]) == {0}
