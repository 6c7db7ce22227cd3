"""What a finding costs: intervals, and what becomes of recipes that mend nothing."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.study_tools import brought, study
from support.trials import measured

from optim.findings import Interval
from optim.recipe import Recipe
from optim.studies.study import Study
from optim.why.cost import Costs, ratio_of, with_measured
from optim.why.finding import Finding
from optim.why.helped import helped, tried
from optim.why.told import cost

__all__ = ["brought", "study"]  # fixtures
POSITIVE = st.floats(0.05, 20)


def around(value: float, factor: float) -> Interval:
    return Interval(value=value, low=value / factor, high=value * factor)


@given(POSITIVE, POSITIVE, st.floats(1.0, 2.0), st.floats(1.0, 2.0))
def test_a_ratio_of_ratios(over, under, first, second) -> None:
    found = ratio_of(around(over, first), around(under, second))
    assert math.isclose(found.value, over / under)
    assert found.low <= found.value <= found.high
    widest = math.log(first) + math.log(second)
    assert math.log(found.high / found.low) / 2 <= widest + 1e-9


def test_a_recipe_that_makes_it_slower_is_taken_back() -> None:
    finding = Finding(text="It is slow.", advice="Try another.", cost_ms=1.0, recipe="openvino")
    slower = Interval(value=-0.5, low=-0.7, high=-0.3)
    told = with_measured(finding, {"openvino": slower})
    assert not told.recipe and told.measured and told.cost_ci == (-0.7, -0.3) and told.note
    assert cost(told).startswith("what was tried to mend it takes 0.5 ms a run longer (0.3 ms to")
    assert "openvino is slower" in told.advice


def test_a_measured_cost_goes_before_the_estimate() -> None:
    finding = Finding(text="It is slow.", cost_ms=1.0, recipe="openvino")
    told = with_measured(finding, {"openvino": Interval(value=2.0, low=1.5, high=2.5)})
    assert told.measured and told.cost_ms == 2.0 and told.cost_ci == (1.5, 2.5) and not told.note


def test_what_shows_no_gain_is_a_note_unless_it_needs_fewer_cores() -> None:
    finding = Finding(text="It is slow.", cost_ms=1.0, recipe="openvino")
    none = {"openvino": Interval(value=0.1, low=-0.2, high=0.4)}
    assert with_measured(finding, none).note and not with_measured(finding, none, saves=True).note


def test_what_could_not_be_timed_is_not_offered() -> None:
    finding = Finding(text="It is slow.", cost_ms=1.0, recipe="openvino")
    assert with_measured(finding, {}).recipe == ""


@pytest.mark.deep
def test_recipes_are_timed_beside_the_one_they_mend(study: Study) -> None:
    recipe = Recipe.parse("onnxruntime:graph=off")
    findings = [
        Finding(text="Off.", recipe="onnxruntime"),
        Finding(text="The same.", recipe="simplify + onnxruntime:graph=off"),
        Finding(text="Two threads.", recipe="onnxruntime:graph=off,threads=2"),
        Finding(text="Quality.", concerns="quality", recipe="openvino"),
    ]
    said: list[tuple[str, float]] = []
    costs = Costs(study.model, study.evalset, recipe, lambda *news: said.append(news))
    found = costs.of(findings, 1.0)
    by_text = {one.text: one for one in found}
    for text in ("Off.", "Two threads."):
        one = by_text[text]
        if one.measured:
            assert one.cost_ci and one.cost_ci[0] <= one.cost_ms <= one.cost_ci[1]
        else:
            assert "slower" in one.advice
    assert not by_text["Quality."].measured and by_text["Quality."].recipe == "openvino"
    assert any("side by side" in text for text, _ in said)
    assert all(0 <= share < 1 for _, share in said)


def test_whether_it_helped() -> None:
    trial, faster, slower = measured(1, 2.0, 1.0), measured(2, 1.0, 2.0), measured(3, 4.0, 0.5)
    finding = Finding(text="It is slow.", recipe=faster.recipe.spelling)
    assert tried(finding, trial, [trial, faster]) in (trial, faster)
    assert "it helped" in helped("time", trial, faster)
    assert "made things worse" in helped("time", trial, slower)
    assert "no difference is shown" in helped("time", trial, trial)
