"""What counts as a collapse, and what is chance or the original's own randomness."""

import numpy as np
import pytest

from optim.judging.collapse import collapsed
from optim.judging.fidelity import Drift

RANDOM = np.random.default_rng(0)
MOVED = [(1, 0)] * 5 + [(0, 0)] * 20
FEW = [(1, 0)] * 3 + [(0, 0)] * 20


def drift(other):
    one = Drift("y")
    for original, value in zip(RANDOM.normal(size=(6, 8)), other, strict=True):
        one.add(original, value)
    return one


FAR = np.random.default_rng(1).normal(size=(6, 8))


@pytest.mark.parametrize(("answers", "said"), [(MOVED, "answers class 0"), (FEW, "")])
def test_one_class_for_all_is_a_collapse_where_enough_moved(answers, said) -> None:
    found = collapsed([], answers, [], at_random=False)
    assert said in found and bool(said) == bool(found)


@pytest.mark.parametrize("at_random", [False, True])
def test_a_distance_is_no_collapse_of_a_model_that_draws_at_random(at_random) -> None:
    found = collapsed([drift(FAR)], MOVED, ["It lost most."], at_random)
    assert bool(found) != at_random


def test_answers_that_are_none_are_a_collapse_whatever_the_original_draws() -> None:
    broken = FAR.copy()
    broken[2, 3] = np.nan
    assert "NaN" in collapsed([drift(broken)], [], [], at_random=True)
