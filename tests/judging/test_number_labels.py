"""Labels that are other numbers than a model answers."""

import numpy as np

from optim.judging.number_labels import number_misfit, other_meaning

ANSWERS = np.random.default_rng(0).standard_normal((200, 2)) + [2.0, 5.0]
NOISE = np.random.default_rng(1).standard_normal((200, 2)) / 20


def test_exchanged_columns_are_told_with_their_order() -> None:
    assert "order 2, 1" in other_meaning(ANSWERS, ANSWERS[:, ::-1] + NOISE)


def test_a_price_is_the_power_of_its_logarithm() -> None:
    one, noise = 3 * ANSWERS[:, :1], NOISE[:, :1]
    assert "taken to the power of e" in other_meaning(one, np.exp(one + noise))
    assert "squared" in other_meaning(one, one**2)


def test_sound_labels_mean_what_they_say() -> None:
    assert not other_meaning(ANSWERS, ANSWERS + NOISE)
    assert not other_meaning(ANSWERS[:, :1], ANSWERS[:, :1] + NOISE[:, :1])
    assert not other_meaning(ANSWERS, np.random.default_rng(2).permutation(ANSWERS))


def test_labels_in_other_units_are_told_where_there_are_enough() -> None:
    assert "taken 1e+03 times they" in number_misfit(ANSWERS, 1000 * ANSWERS + NOISE)
    assert "taken 1.8 times plus 32 they" in number_misfit(ANSWERS, 1.8 * ANSWERS + 32)
    assert not number_misfit(ANSWERS[:20], 1000 * ANSWERS[:20])
    assert not number_misfit(ANSWERS, ANSWERS + NOISE)
    assert not number_misfit(np.where(ANSWERS > 4, np.nan, ANSWERS), 1000 * ANSWERS)
