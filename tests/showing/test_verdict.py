from dataclasses import replace

import pytest

from optim.findings import EVEN, Interval
from optim.recipe import Recipe
from optim.showing.verdict import Verdict, verdict
from optim.studies import picking
from optim.studies.goal import Goal
from optim.studies.picking import Facts
from optim.targets import LOCAL

NONE = Interval(value=0, low=-0.002, high=0.002)
GAIN = Interval(value=1.79, low=1.72, high=1.87)
ORIGINAL = Facts("onnxruntime", 1, is_original=True, gain=EVEN, alike=EVEN, loss=None, p50_ms=3.72)
FAST = Facts(
    "static_int8 + openvino", 1, is_original=False, gain=GAIN, alike=GAIN, loss=NONE,
    samples=2000, whole=True, p50_ms=2.08, size_mb=1.0, memory_mb=10.0,
)  # fmt: skip


class Known:
    """A trial, as far as a verdict looks at one."""

    def __init__(self, number: int, facts: Facts, target: str = LOCAL) -> None:
        self.number, self.facts, self.target, self.summary = number, facts, target, True
        self.recipe = Recipe.parse(facts.name)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> None:
    def facts_of(trial: Known, target: str) -> Facts | None:
        return trial.facts if trial.target == target else None

    monkeypatch.setattr(picking, "facts_of", facts_of)
    monkeypatch.setattr(picking, "usable_cores", lambda: 2)


def said(*others: Facts, goal: Goal = Goal()) -> Verdict:  # noqa: B008
    found = verdict([Known(i, one) for i, one in enumerate((ORIGINAL, *others))], goal)  # type: ignore[arg-type]
    assert found
    return found


@pytest.mark.usefixtures("judged")
class TestVerdict:
    def test_a_winner_is_named_with_its_times_and_gain(self) -> None:
        found = said(FAST)
        assert found.title == "Fastest without measurable loss" and found.number == 1
        assert found.figures == (
            "#1 static int8 on OpenVINO, 3.72 ms to 2.08 ms, 1.79× (1.72 to 1.87)"
        )
        assert found.why.startswith("At most 1 point lost, with 95 % confidence")

    def test_a_loss_that_is_shown_is_not_called_none(self) -> None:
        lossy = replace(FAST, loss=Interval(value=0.005, low=0.002, high=0.008))
        assert said(lossy).title == "Fastest within the loss allowed"

    def test_a_chance_reading_wins_nothing_and_more_timing_settles_it(self) -> None:
        lucky = Interval(value=1.07, low=0.97, high=1.17)
        found = said(replace(FAST, gain=lucky, alike=lucky))
        assert found.title == "Nothing is clearly faster yet" and not found.figures
        assert "Closest: #1" in found.why and "More timing" in found.why

    def test_what_is_fast_and_loses_too_much_is_said_with_what_would_help(self) -> None:
        lossy = replace(FAST, loss=Interval(value=0.03, low=0.02, high=0.04))
        found = said(lossy)
        assert found.title == "Nothing faster is within the loss allowed"
        why = found.why
        assert "It loses 3 points." in why and "A larger loss allowed" in why
        assert said(lossy, goal=Goal(max_loss=0.05)).number == 1

    @pytest.mark.parametrize("loss", [None, Interval(value=0, low=-0.04, high=0.04)])
    def test_what_is_faster_is_not_denied_to_be_where_its_loss_is_open(
        self, loss: Interval | None
    ) -> None:
        found = said(replace(FAST, loss=loss, samples=64, whole=False))
        assert found.title == "Nothing faster is shown to be within the loss allowed yet"
        assert "1.79× (1.72 to 1.87)" in found.why and "more samples settles it" in found.why
        chance = Interval(value=1.07, low=0.97, high=1.17)
        open_in_both = replace(FAST, loss=loss, whole=False, gain=chance, alike=chance)
        assert said(open_in_both).title == "Nothing is clearly faster yet"

    def test_what_is_slower_is_not_close(self) -> None:
        slow = Interval(value=0.5, low=0.4, high=0.6)
        assert "none can win any more" in said(replace(FAST, gain=slow, alike=slow)).why
        assert "Nothing beside the original" in said().why

    @pytest.mark.parametrize(("objective", "title"), [("size", "Smallest"), ("memory", "Least")])
    def test_other_objectives_are_named(self, objective: str, title: str) -> None:
        assert said(FAST, goal=Goal(objective=objective)).title.startswith(title)  # type: ignore[arg-type]

    def test_without_the_original_there_is_none(self) -> None:
        assert verdict([Known(0, replace(FAST, alike=EVEN))], Goal()) is None  # type: ignore[list-item]

    def test_what_was_measured_elsewhere_only_has_the_verdict_of_that_machine(self) -> None:
        there = [Known(0, ORIGINAL, "A CPU, machine 1"), Known(1, FAST, "A CPU, machine 1")]
        found = verdict(there, Goal())  # type: ignore[arg-type]
        assert found and found.number == 1
        assert found.title == "Fastest without measurable loss on A CPU, machine 1"
        assert found.why.startswith("Read from a study file")
        here = [*there, Known(2, ORIGINAL), Known(3, replace(FAST, alike=EVEN, gain=EVEN))]
        own = verdict(here, Goal())  # type: ignore[arg-type]
        assert own and own.number == 2 and "machine 1" not in own.title + own.why
