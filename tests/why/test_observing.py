"""Padding: what fills the end, or the start, of most samples."""

import numpy as np
import pytest

from optim.why.observing import _padding


def rows(*lengths: int, places: int = 10, first: bool = False) -> np.ndarray:
    made = np.zeros((len(lengths), places), np.int64)
    for row, length in zip(made, lengths, strict=True):
        place = slice(places - length, places) if first else slice(0, length)
        row[place] = np.arange(1, length + 1)
    return made


@pytest.mark.parametrize("first", [False, True])
def test_tokens_at_either_end(first: bool) -> None:
    shares = _padding((1, 10), rows(2, 4, 6, first=first))
    assert shares.tolist() == pytest.approx([0.8, 0.6, 0.4])


def test_steps_of_zeros() -> None:
    steps = np.ones((2, 8, 3), np.float32)
    steps[:, 6:] = 0
    assert _padding((1, 8, 3), steps.reshape(2, -1)).tolist() == [0.25, 0.25]


def test_full_samples_pictures_and_features_have_none() -> None:
    assert _padding((1, 10), rows(10, 10, 10)).max() <= 0.1  # one token that ends them all
    assert not _padding((1, 3, 4, 4), np.zeros((5, 48), np.float32)).any()
    assert not _padding((1, 48), np.zeros((5, 48), np.float32)).any()
    assert not _padding((1, 10), np.zeros((4, 10), np.int64)).any()
