"""The front as a walk: its stops in the order of the chart, each in a sentence that says no more
than its figures."""

import pytest
from support import trials as made
from support.trials import METRIC, ORIGINAL, around, estimated, measured, quality, summary, trial

from optim.findings import Interval
from optim.showing.chart import trade_off
from optim.showing.points import default_plane, marks
from optim.showing.story import headline, on_stage, sentence, stops
from optim.studies.choice import front_of
from optim.studies.goal import DEFAULT
from optim.studies.picking import picked
from optim.studies.trial import Trial


def original() -> Trial:
    return trial(0, summary(2.0, 1.0, thread_gain=None), quality(ORIGINAL, 0.0))


def judged(recipe: str, speedup: Interval, score: float, reach: float = 0.001) -> Trial:
    timed = summary(1.0, speedup.value, thread_gain=None)
    timed = timed.model_copy(update={"speedup": speedup})
    return trial(3, timed, quality(score, reach), recipe=recipe)


def test_the_stops_are_the_front_and_the_original_from_left_to_right() -> None:
    trials = [t for t in made.disagreeing() if t.target == "local"]
    found = stops(trials)
    on_front = front_of(trials) | {0}
    assert {stop.number for stop in found} == on_front
    drawn = trade_off(
        marks(trials, default_plane(METRIC, trials)), *default_plane(METRIC, trials).axes()
    )
    across = {
        custom[0]: x
        for trace in drawn.data
        if trace.customdata is not None
        for custom, x in zip(trace.customdata, trace.x, strict=True)
    }
    places = [across[stop.number] for stop in found]
    assert places == sorted(places)
    assert all(stop.sentence for stop in found)


def test_the_pick_is_a_stop_where_it_is_not_on_the_front() -> None:
    """What is not judged to its end yet may be on the front alone, and is not picked."""
    sure = trial(
        1, summary(1.3, 1.5, thread_gain=None), quality(ORIGINAL, 0.001), recipe="openvino"
    )
    partly = quality(ORIGINAL, 0.025).model_copy(update={"complete": False})
    unsure = trial(2, summary(0.6, 3.4, thread_gain=None), partly, recipe="static_int8")
    trials = [original(), sure, unsure]
    pick = picked(trials, DEFAULT)
    assert pick and pick.number == 1 and front_of(trials) == {2}
    told = {stop.number: stop.sentence for stop in stops(trials)}
    assert set(told) == {0, 1, 2} and told[1].endswith("This is the pick.")
    assert "(at most 2.5 points, on 1,000 samples so far)" in told[2]


def test_one_machine_is_on_stage() -> None:
    assert {t.target for t in on_stage(made.disagreeing())} == {"local"}
    elsewhere = [measured(0, 1.0, 1.0).model_copy(update={"target": "far"}), estimated(1, 0.5)]
    assert on_stage(elsewhere) == elsewhere[:1]
    assert on_stage([]) == []


def test_the_original_is_what_all_is_held_against() -> None:
    said = sentence(original())
    assert said.startswith("The original, as it comes: 2 ms a run, top-1 accuracy 90.00 %.")
    alone = sentence(original(), is_pick=True, beside=[original()])
    assert alone.endswith("Nothing is clearly faster yet.")


def test_the_original_scores_as_it_does_on_the_chart_and_a_first_reading_is_called_one() -> None:
    fewer = quality(ORIGINAL, 0.0).model_copy(update={"value": 0.8, "baseline_value": 0.8, "n": 1})
    early = original().model_copy(update={"quality": fewer})
    shown = [early, judged("openvino", around(2.0), ORIGINAL)]
    assert "top-1 accuracy 90.00 %." in sentence(early, beside=shown)
    assert "top-1 accuracy 90.00 %." in stops(shown)[-1].sentence
    timed = summary(1.0, 1.0, thread_gain=None).model_copy(update={"runs": 3})
    reading = trial(4, timed, quality(ORIGINAL), recipe="openvino")
    reading = reading.model_copy(update={"state": "running"})
    assert "1 ms a run, a first reading;" in sentence(reading)


@pytest.mark.parametrize(
    ("speedup", "said"),
    [
        (around(2.0), "2.00× as fast as the original (1.98 to 2.02)"),
        (Interval(value=1.07, low=0.97, high=1.17), "not shown to be faster or slower than"),
        (around(0.5), "slower, at 0.50× the speed of the original"),
    ],
)
def test_a_speed_is_called_faster_only_where_its_interval_says_so(
    speedup: Interval, said: str
) -> None:
    assert said in sentence(judged("openvino", speedup, ORIGINAL))


@pytest.mark.parametrize(
    ("score", "reach", "said"),
    [
        (ORIGINAL, 0.0, "the same top-1 accuracy on every sample"),
        (ORIGINAL - 0.001, 0.004, "no loss can be seen (at most 0.5 points)"),
        (ORIGINAL - 0.02, 0.004, "it loses 2 points of top-1 accuracy (1.6 to 2.4)"),
        (ORIGINAL + 0.02, 0.004, "it gains 2 points of top-1 accuracy (1.6 to 2.4)"),
    ],
)
def test_a_loss_is_said_as_surely_as_it_is_known(score: float, reach: float, said: str) -> None:
    assert said in sentence(judged("openvino", around(2.0), score, reach))


def test_an_estimate_is_called_one() -> None:
    said = sentence(estimated(5, 0.5))
    assert said.startswith("The original, as it comes: 0.5 ms (0.35 to 0.7) a run, an estimate,")


@pytest.mark.parametrize(("speedup", "said"), [(around(2.0), "2.00×"), (around(1.0), "")])
def test_the_headline_is_a_speed_up_that_is_shown(speedup: Interval, said: str) -> None:
    assert headline(judged("openvino", speedup, ORIGINAL)) == said
    assert headline(original()) == "1×"
