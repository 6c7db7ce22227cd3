"""How inputs may be prepared otherwise."""

from collections.abc import Callable

import numpy as np
import pytest

from optim.why.alternatives import _changes


def test_rows_of_a_table_may_have_been_meant_standardized() -> None:
    scales = np.array([[0.1, 1.0, 5e4]], np.float32)
    rows = [scales * (row + 3) for row in np.random.default_rng(0).standard_normal((200, 1, 3))]
    (change,) = (one for what, one in _changes(rows).items() if "standardized" in what)
    changed = np.stack([change(row.astype(np.float32)) for row in rows])
    assert changed.dtype == np.float32
    assert np.allclose(changed.mean(axis=0), 0, atol=1e-4) and np.allclose(changed.std(axis=0), 1)


def test_pictures_are_standardized_channel_by_channel_not_number_by_number() -> None:
    drawn = np.random.default_rng(0).random((50, 1, 3, 8, 8)) * [[[[9]], [[1]], [[0.1]]]]
    pictures = list(drawn.astype(np.float32))
    changes = _changes(pictures)
    assert not any("number by number" in what for what in changes)
    changed = np.stack([changes["standardized (mean 0, deviation 1)"](one) for one in pictures])
    assert np.allclose(changed.std(axis=(0, 1, 3, 4)), 1, atol=1e-4)


@pytest.mark.parametrize(("shape", "slip", "undone"), [
    ((1, 3, 8, 8), lambda x: np.rot90(x, -1, (2, 3)), "turned left"),
    ((1, 8, 6, 3), lambda x: np.flip(x, 1), "upside down"),
    ((1, 12, 5), lambda x: np.flip(x, 1), "from the last to the first along axis 1"),
    ((1, 12, 5), lambda x: x.swapaxes(1, 2).reshape(x.shape), "with the last two axes exchanged"),
    ((1, 7), lambda x: np.flip(x, 1), "with the numbers of a row in the other order"),
])  # fmt: skip
def test_slips_of_layout_are_undone(
    shape: tuple[int, ...], slip: Callable[[np.ndarray], np.ndarray], undone: str
) -> None:
    meant = np.random.default_rng(0).random(shape).astype(np.float32)
    given = np.ascontiguousarray(slip(meant))
    assert np.array_equal(_changes([given])[undone](given), meant)


def test_recordings_may_be_in_whole_numbers_of_16_bits_and_pictures_may_not() -> None:
    sound = [np.full((1, 100), 20_000, np.float32)]
    (change,) = (one for what, one in _changes(sound).items() if "16 bits" in what)
    assert np.allclose(change(sound[0]), 20_000 / 32_768)
    assert not any("16 bits" in what for what in _changes([np.full((1, 3, 8, 8), 2e4, "f4")]))
