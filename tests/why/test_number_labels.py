"""Labels that are other numbers than a model answers."""

import numpy as np

from optim.why.number_labels import other_meaning

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
