"""What may be lost, on the chart: the zone follows the goal and the metric's better side."""

from math import inf

import pytest
from support.trials import METRIC, ORIGINAL, measured, trial

from optim.showing.acceptable import acceptable
from optim.showing.figures import LATENCY, QUALITY, SPEEDUP, figures
from optim.showing.points import Plane
from optim.studies.goal import Goal

TRIALS = [measured(0, 2.0, 1.0), measured(1, 1.0, 2.0, 0.89)]


def plane(x: str, y: str) -> Plane:
    known = figures(METRIC, TRIALS)
    return Plane(known[x], known[y])


def test_the_zone_begins_where_the_loss_allowed_ends() -> None:
    allowed, unseen = acceptable(TRIALS, plane(LATENCY, QUALITY), Goal(max_loss=0.02))
    assert (allowed.along, allowed.firm, allowed.high) == ("y", True, inf)
    assert allowed.low == pytest.approx(100 * (ORIGINAL - 0.02))
    assert unseen.low == pytest.approx(100 * (ORIGINAL - 0.001)) and not unseen.firm


def test_a_quality_asked_for_limits_it_further() -> None:
    goal = Goal(max_loss=0.02, min_quality=0.895)
    assert acceptable(TRIALS, plane(LATENCY, QUALITY), goal)[0].low == pytest.approx(89.5)


def test_it_follows_the_axis_that_shows_the_quality() -> None:
    assert acceptable(TRIALS, plane(QUALITY, SPEEDUP), Goal())[0].along == "x"
    assert not acceptable(TRIALS, plane(LATENCY, SPEEDUP), Goal())
    assert not acceptable([trial(0)], plane(LATENCY, QUALITY), Goal())


def test_of_an_error_the_better_side_is_below() -> None:
    judged = TRIALS[0].quality
    assert judged
    error = judged.model_copy(update={"metric": "mae", "baseline_value": 2.0})
    known = figures("mae", TRIALS)
    drawn = Plane(known[LATENCY], known[QUALITY])
    allowed, *_ = acceptable([trial(0, judged=error)], drawn, Goal(max_loss=0.05))
    assert (allowed.low, allowed.high) == (-inf, pytest.approx(2.1))
