"""How inputs may be prepared otherwise."""

import numpy as np

from optim.why.alternatives import _changes


def test_rows_of_a_table_may_have_been_meant_standardized() -> None:
    scales = np.array([[0.1, 1.0, 5e4]], np.float32)
    rows = [scales * (row + 3) for row in np.random.default_rng(0).standard_normal((200, 1, 3))]
    (change,) = (one for what, one in _changes(rows).items() if "standardized" in what)
    changed = np.stack([change(row.astype(np.float32)) for row in rows])
    assert changed.dtype == np.float32
    assert np.allclose(changed.mean(axis=0), 0, atol=1e-4) and np.allclose(changed.std(axis=0), 1)


def test_pictures_are_not_standardized_number_by_number() -> None:
    pictures = [np.zeros((1, 3, 8, 8), np.float32)]
    assert not any("standardized" in what for what in _changes(pictures))


def test_recordings_may_be_in_whole_numbers_of_16_bits_and_pictures_may_not() -> None:
    sound = [np.full((1, 100), 20_000, np.float32)]
    (change,) = (one for what, one in _changes(sound).items() if "16 bits" in what)
    assert np.allclose(change(sound[0]), 20_000 / 32_768)
    assert not any("16 bits" in what for what in _changes([np.full((1, 3, 8, 8), 2e4, "f4")]))
