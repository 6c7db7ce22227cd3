"""The front: ties stay, what is beaten goes; threads count in a point, not in a speed-up."""

import pytest

from optim.findings import Interval
from optim.judging.quality import Quality
from optim.recipe import Recipe
from optim.studies.choice import front_of, point_of, tied_with
from optim.studies.trial import Trial
from optim.timing.measurement import Summary


def trial(
    number: int, speedup: float, loss: float, *, width: float = 0.01, metric: str = "top1"
) -> Trial:
    """A finished trial that is so many times faster and loses so much, in the metric's unit."""
    gain = Interval(value=speedup, low=speedup * (1 - width), high=speedup * (1 + width))
    p50 = Interval(value=1 / speedup, low=1 / gain.high, high=1 / gain.low)
    up = metric == "top1"
    base = 0.9 if up else 20.0
    difference = -loss if up else loss
    recipe = Recipe.parse("openvino") if number else Recipe.baseline()
    return Trial(
        number=number,
        recipe=recipe,
        recipe_digest=recipe.digest,
        target="local",
        state="done",
        created="2026-01-01T00:00:00",
        summary=Summary(
            p50_ms=p50,
            percentiles={"p50": p50},
            throughput_per_s=1,
            speedup=gain,
            gain=gain,
            baseline_p50_ms=1,
            runs=100,
            processes=3,
            provisional=False,
        ),
        quality=Quality.model_validate(
            {
                "metric": metric,
                "value": base + difference,
                "baseline_value": base,
                "difference": difference,
                "difference_ci": (difference - 1e-4, difference + 1e-4),
                "p_value": None,
                "n": 1000,
                "labelled": True,
                "complete": True,
                "fidelity": {
                    "top1_agreement": 1,
                    "cosine": 1,
                    "sqnr_db": None,
                    "max_error": 0,
                },
                "collapsed": False,
                "verdict": "",
            }
        ),
    )


def test_the_front_keeps_ties_and_drops_what_is_beaten() -> None:
    trials = [
        trial(0, 1, 0),
        trial(1, 2, 0.01),
        trial(2, 2.01, 0.01),  # its interval overlaps the one before
        trial(3, 1.5, 0.02),  # slower and worse than 1
        trial(4, 3, 0.05),
    ]
    assert front_of(trials) == {0, 1, 2, 4}


def test_threads_count_in_a_point_but_not_in_a_speedup() -> None:
    one = trial(1, 2, 0)
    assert one.summary
    both = Interval(value=3, low=2.8, high=3.2)
    two = one.model_copy(update={"summary": one.summary.model_copy(update={"gain": both})})
    slow, fast = point_of(one), point_of(two)
    assert slow and fast
    assert fast.cost.value == pytest.approx(slow.cost.value / 1.5)
    assert fast.cost.low < fast.cost.value < fast.cost.high


def test_the_original_is_no_tie_of_what_is_shown_to_be_faster() -> None:
    original, faster = trial(0, 1, 0, width=0.2), trial(1, 1.15, 0, width=0.1)
    assert tied_with([original, faster], 1) == set()
    assert front_of([original, faster]) == {1}
    assert tied_with([original, trial(2, 1.05, 0, width=0.1)], 2) == {0}


def test_nothing_measured_has_no_front() -> None:
    unmeasured = trial(0, 1, 0).model_copy(update={"summary": None})
    assert front_of([unmeasured]) == set() and point_of(unmeasured) is None
