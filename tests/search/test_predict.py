"""What is expected of recipes: what was timed moves what is like it, and nothing is certain."""

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.recipe import Recipe
from optim.search.predict import Known, Predictor
from optim.search.steps import expected_improvement

MIX = {"convolution": 1.0}
INT8, OTHER, SMALLER = map(
    Recipe.parse, ("static_int8 + onnxruntime", "static_int8 + openvino", "simplify + onnxruntime")
)


def expected(predictor: Predictor, recipe: Recipe) -> tuple[float, float]:
    (found,) = predictor.expect([recipe])
    return found.mean, found.spread


def nothing(recipe: Recipe) -> float:
    return 0.0


def test_what_is_timed_is_known_and_what_is_like_it_expected() -> None:
    predictor = Predictor(MIX, nothing)
    before = expected(predictor, OTHER)
    predictor.learn(INT8, log(2), 0.02)
    assert expected(predictor, INT8)[0] == pytest.approx(log(2), abs=0.05)
    like, unlike = expected(predictor, OTHER), expected(predictor, SMALLER)
    assert before[0] == 0 and like[0] > unlike[0] and like[0] > 0.1
    assert expected(predictor, INT8)[1] < like[1] < before[1]


def test_a_later_figure_replaces_the_one_before() -> None:
    predictor = Predictor(MIX, nothing)
    for gain in (1.0, 0.1):
        predictor.learn(INT8, gain, 0.02)
    assert expected(predictor, INT8)[0] == pytest.approx(0.1, abs=0.05)


def test_models_of_the_same_mix_tell_more_than_others() -> None:
    def after(mix: dict[str, float]) -> float:
        earlier = Known(INT8, tuple(mix.items()), log(2), 0.02, here=False)
        return expected(Predictor(MIX, nothing, [earlier]), INT8)[0]

    assert after(MIX) > after({"product": 1.0}) >= 0
    assert after(MIX) < log(2)


@given(st.floats(-3, 3), st.floats(1e-6, 2), st.floats(-3, 3))
def test_an_improvement_is_expected_of_whatever_is_uncertain(
    mean: float, spread: float, lead: float
) -> None:
    found = expected_improvement(mean, spread, lead)
    assert found >= max(0.0, mean - lead) - 1e-9
    assert expected_improvement(mean, 2 * spread, lead) >= found - 1e-9
    assert expected_improvement(mean, 0.0, lead) == max(0.0, mean - lead)
