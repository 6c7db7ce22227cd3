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
    shares, places = _padding((1, 10), rows(2, 4, 6, first=first))
    assert shares.tolist() == pytest.approx([0.8, 0.6, 0.4]) and places == 10


def test_steps_of_zeros_along_either_axis() -> None:
    steps = np.ones((2, 8, 3), np.float32)
    steps[:, 6:] = 0
    for shape, lying in (((1, 8, 3), steps), ((1, 3, 8), steps.swapaxes(1, 2))):
        shares, places = _padding(shape, lying.reshape(2, -1))
        assert shares.tolist() == [0.25, 0.25] and places == 8


def test_full_samples_pictures_and_features_have_none() -> None:
    assert _padding((1, 10), rows(10, 10, 10))[0].max() <= 0.1  # one token that ends them all
    assert not _padding((1, 3, 4, 4), np.zeros((5, 48), np.float32))[0].any()
    assert not _padding((1, 48), np.zeros((5, 48), np.float32))[0].any()
    assert not _padding((1, 10), np.zeros((4, 10), np.int64))[0].any()


def test_several_sequences_that_run_at_once_are_looked_at_one_by_one() -> None:
    sequences = np.ones((5, 2, 10, 3), np.float32)
    sequences[:, :, 6:] = 0
    shares, places = _padding((2, 10, 3), sequences.reshape(5, -1))
    assert places == 10 and shares == pytest.approx(0.4)
