"""A file that grew out of proportion is said, with what helps; one that hardly grew is not."""

import pytest

from optim.judging.growth import growth
from optim.judging.verdicts import randomness
from optim.recipe import Recipe
from optim.timing.cautions import by_content

SIMPLE, OTHER = Recipe.parse("simplify + onnxruntime"), Recipe.parse("static_int8 + onnxruntime")


def test_a_small_file_that_became_a_large_one_is_said() -> None:
    found = growth(3_000, 17_800_000, SIMPLE)
    assert found and "from 0.003 to 17.8 MB" in found.text and "max_folded_kb" in found.text
    other = growth(3_000, 17_800_000, OTHER)
    assert other and "max_folded_kb" not in other.text


@pytest.mark.parametrize(("before", "after"), [(3_000, 9_000), (90_000_000, 91_000_000), (9, 1)])
def test_what_hardly_grew_is_not(before: int, after: int) -> None:
    assert growth(before, after, SIMPLE) is None


def test_differences_of_a_random_model_are_no_damage_and_lost_randomness_is_noticed() -> None:
    assert randomness([], []) == ()
    (kept,) = randomness(["Bernoulli"], ["Bernoulli"])
    (gone,) = randomness(["Dropout in training mode"], [])
    assert "draws no more" not in kept.text and "draws no more" in gone.text


def test_times_on_made_up_inputs_may_depend_on_their_content() -> None:
    found = by_content(True, {"Conv": 3, "NonMaxSuppression": 1})
    assert found and "NonMaxSuppression" in found.text
    assert by_content(True, {"Conv": 3}) is None
    assert by_content(False, {"NonZero": 1}) is None
