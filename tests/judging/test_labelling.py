"""Labels that do not fit: which change would, and none where they do or chance could do it."""

import numpy as np
import pytest

from optim.evalset.relabelling import Relabelling
from optim.judging.labelling import misfit, unrelated

CLASSES, SAMPLES = 10, 400
RANDOM = np.random.default_rng(0)
TRUE = RANDOM.integers(0, CLASSES, SAMPLES)
ANSWERS = np.where(RANDOM.random(SAMPLES) < 0.07, (TRUE + 3) % CLASSES, TRUE)  # 93 % right
ORDER = np.random.default_rng(1).permutation(CLASSES)


@pytest.mark.parametrize(("labels", "change"), [(TRUE + 1, "shift=-1"), (TRUE - 1, "shift=+1")])
def test_a_shift_is_found_and_mends_them(labels, change) -> None:
    found = misfit(labels, ANSWERS, CLASSES)
    assert found and found.change == change and "Shifted by one they fit 9" in found.text
    assert np.array_equal(Relabelling.parse(change).applied(labels), TRUE)


def test_another_order_of_classes_is_found_and_mends_them() -> None:
    labels = np.argsort(ORDER)[TRUE]
    found = misfit(labels, ANSWERS, CLASSES)
    assert found and np.array_equal(Relabelling.parse(found.change).applied(labels), TRUE)
    assert "in another order they fit 9" in found.text


def test_two_classes_of_many_that_are_swapped_are_found() -> None:
    """They are a fifth of the samples: the whole hardly fits worse, but these not at all."""
    order = np.arange(CLASSES)
    order[[2, 7]] = 7, 2
    found = misfit(order[TRUE], ANSWERS, CLASSES)
    assert found and np.array_equal(Relabelling.parse(found.change).applied(order[TRUE]), TRUE)
    confused = np.where((TRUE == 2) & (RANDOM.random(SAMPLES) < 0.6), 7, ANSWERS)
    assert misfit(TRUE, confused, CLASSES) is None, "a weak class is no other label"


def test_labels_of_one_class_only_are_said_and_no_change_is_offered() -> None:
    found = misfit(np.full(SAMPLES, 3), ANSWERS, CLASSES)
    assert found and not found.change and "labels are 3" in found.text


def test_labels_of_other_samples_are_said_to_tell_nothing() -> None:
    for moved in (np.roll(TRUE, 1), RANDOM.permutation(TRUE)):
        assert misfit(moved, ANSWERS, CLASSES) is None
        assert "seem shuffled or those of other samples" in unrelated(moved, ANSWERS)
        uneven = np.where(moved < 7, 0, moved), np.where(ANSWERS < 7, 0, ANSWERS)
        assert "where chance alone would fit 46.5 %" in unrelated(*uneven)


@pytest.mark.parametrize("wrong", [0.0, 0.4, 0.8])
@pytest.mark.parametrize("count", [20, 60, 400])
def test_weak_models_have_labels_of_their_own(wrong: float, count: int) -> None:
    noisy = np.where(RANDOM.random(SAMPLES) < wrong, RANDOM.integers(0, CLASSES, SAMPLES), ANSWERS)
    assert not unrelated(TRUE[:count], noisy[:count]) or (wrong, count) == (0.8, 60)
    assert not unrelated(np.full(count, 2), ANSWERS[:count])


@pytest.mark.parametrize("wrong", [0.0, 0.3, 0.5])
def test_labels_that_fit_more_or_less_are_left_alone(wrong: float) -> None:
    noisy = np.where(RANDOM.random(SAMPLES) < wrong, RANDOM.integers(0, CLASSES, SAMPLES), ANSWERS)
    assert misfit(TRUE, noisy, CLASSES) is None


@pytest.mark.parametrize("count", [10, 25, 60, 400])
@pytest.mark.parametrize("classes", [2, 10, 50])
def test_chance_is_taken_for_no_order(count: int, classes: int) -> None:
    for seed in range(20):
        random = np.random.default_rng(seed)
        labels, answers = random.integers(0, classes, (2, count))
        found = misfit(labels, answers, classes)
        assert found is None or not found.change, (seed, found)


def test_too_few_samples_and_many_classes_are_not_judged() -> None:
    assert misfit(TRUE[:3] + 1, TRUE[:3], CLASSES) is None
    many = np.arange(300)
    assert misfit(many[::-1].copy(), many, 300) is None


def test_of_few_samples_a_change_is_offered_where_chance_would_not_do_it() -> None:
    true = np.array([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3])
    order = np.array([3, 0, 4, 1, 2])
    found = misfit(order[true], true, 5)
    assert found and np.array_equal(Relabelling.parse(found.change).applied(order[true]), true)
    shifted = misfit(true + 1, true, 5)
    assert shifted and shifted.change == "shift=-1"
    assert misfit(order[true][:6], true[:6], 5) is None
    assert misfit(np.arange(14)[::-1], np.arange(14), 20) is None, "each class once: any order fits"
    assert misfit(np.ones(14, int), np.zeros(14, int), 2) is None, "all the same either way"
    assert misfit(true, true, 5) is None
    random = np.random.default_rng(4)
    pairs = random.integers(0, 3, (400, 2, 14))
    assert not any(misfit(labels, answers, 3) for labels, answers in pairs)
