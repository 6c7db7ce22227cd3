"""Inputs: how far splits lie apart, and what fills the end, or the start, of most samples."""

import numpy as np
import pytest

from optim.why.input_seen import inputs_seen, padding


def rows(*lengths: int, places: int = 10, first: bool = False) -> np.ndarray:
    made = np.zeros((len(lengths), places), np.int64)
    for row, length in zip(made, lengths, strict=True):
        place = slice(places - length, places) if first else slice(0, length)
        row[place] = np.arange(1, length + 1)
    return made


@pytest.mark.parametrize("first", [False, True])
def test_tokens_at_either_end(first: bool) -> None:
    shares, places = padding((1, 10), rows(2, 4, 6, first=first))
    assert shares.tolist() == pytest.approx([0.8, 0.6, 0.4]) and places == 10


def test_steps_of_zeros_along_either_axis() -> None:
    steps = np.random.default_rng(0).standard_normal((2, 8, 3)).astype(np.float32)
    steps[:, 6:] = 0
    for shape, lying in (((1, 8, 3), steps), ((1, 3, 8), steps.swapaxes(1, 2))):
        shares, places = padding(shape, lying.reshape(2, -1))
        assert shares.tolist() == [0.25, 0.25] and places == 8


def test_full_samples_pictures_and_features_have_none() -> None:
    assert padding((1, 10), rows(10, 10, 10))[0].max() <= 0.1  # one token that ends them all
    assert not padding((1, 3, 4, 4), np.zeros((5, 48), np.float32))[0].any()
    assert not padding((1, 48), np.zeros((5, 48), np.float32))[0].any()
    assert not padding((1, 10), np.zeros((4, 10), np.int64))[0].any()


def test_several_sequences_that_run_at_once_are_looked_at_one_by_one() -> None:
    sequences = np.random.default_rng(0).standard_normal((5, 2, 10, 3)).astype(np.float32)
    sequences[:, :, 6:] = 0
    shares, places = padding((2, 10, 3), sequences.reshape(5, -1))
    assert places == 10 and shares == pytest.approx(0.4)


def test_tokens_of_several_sequences_are_looked_at_one_by_one() -> None:
    tokens = rows(2, 4, 6, 8).reshape(2, 20)
    shares, places = padding((2, 10), tokens)
    assert shares.tolist() == pytest.approx([0.8, 0.6, 0.4, 0.2]) and places == 10


def test_zeros_behind_recordings_are_padding_and_those_among_counts_are_not() -> None:
    random = np.random.default_rng(3)
    sound = random.standard_normal((20, 400)).astype(np.float32)
    sound[:, 300:] = 0
    assert padding((1, 400), sound)[0] == pytest.approx(0.25)
    counts = (random.random((20, 400)) < 0.03).astype(np.float32)
    assert not padding((1, 400), counts)[0].any()


def test_a_category_that_ends_most_rows_of_a_table_is_no_padding_where_others_have_it_too() -> None:
    random = np.random.default_rng(5)
    table = np.stack([random.integers(0, 4, 200), random.integers(0, 2, 200)] * 2, axis=1)
    table[:, -1] *= random.random(200) < 0.3
    assert not padding((1, 4), table)[0].any()


def test_louder_samples_and_exchanged_channels_lie_apart() -> None:
    random = np.random.default_rng(4)
    sound = random.standard_normal((40, 1, 300)).astype(np.float32)
    pictures = random.standard_normal((40, 1, 3, 8, 8)).astype(np.float32)
    pictures += np.array([1, 0, -1], np.float32).reshape(3, 1, 1)
    both = [{"sound": a, "picture": b} for a, b in zip(sound, pictures, strict=True)]
    seen = inputs_seen(both[:20], both[20:])
    assert seen["sound"].times == pytest.approx(1, abs=0.1) and seen["picture"].apart < 1
    for sample in both[:20]:
        sample["sound"] = 20 * sample["sound"]
        sample["picture"] = sample["picture"][:, ::-1]
    seen = inputs_seen(both[:20], both[20:])
    assert seen["sound"].times == pytest.approx(20, rel=0.1) and seen["sound"].spread > 3
    assert seen["picture"].apart > 3 and seen["picture"].part == "channel"


def test_steps_of_any_filler_that_ends_most_samples_are_padding() -> None:
    """Silence of a log spectrogram is no zero; what only one sample ends with is no filler."""
    steps = np.random.default_rng(0).standard_normal((4, 10, 3)).astype(np.float32)
    assert padding((1, 10, 3), steps.reshape(4, -1))[0].max() == 0
    steps[:, 6:] = -11.5
    for shape, lying in (((1, 10, 3), steps), ((1, 3, 10), steps.swapaxes(1, 2))):
        shares, places = padding(shape, lying.reshape(4, -1))
        assert shares.tolist() == pytest.approx([0.4] * 4) and places == 10


def test_one_feature_that_has_moved_among_larger_ones_is_found() -> None:
    random = np.random.default_rng(1)
    rows = (random.standard_normal((80, 1, 4)) * [1, 1e4, 3, 1]).astype(np.float32)
    calibration, validation = ([{"x": row} for row in half] for half in (rows[:40], rows[40:]))
    assert inputs_seen(calibration, validation)["x"].apart < 1
    for sample in validation:
        sample["x"][0, 2] += 12
    seen = inputs_seen(calibration, validation)["x"]
    assert seen.feature == 2 and seen.apart > 3


def test_a_flag_that_is_seldom_set_has_not_moved() -> None:
    rows = np.random.default_rng(2).standard_normal((80, 1, 2)).astype(np.float32)
    rows[..., 1] = 0
    rows[70, 0, 1] = 1
    calibration, validation = ([{"x": row} for row in half] for half in (rows[:40], rows[40:]))
    assert inputs_seen(calibration, validation)["x"].apart < 1


def test_the_ones_of_a_mask_are_no_filler_though_most_samples_end_with_them() -> None:
    """Four of six texts are cut at the full length: their masks hold nothing but ones."""
    mask = (rows(10, 10, 10, 10, 4, 2) > 0).astype(np.int64)
    shares, _ = padding((1, 10), mask)
    assert shares.tolist() == pytest.approx([0, 0, 0, 0, 0.6, 0.8])
    ids = rows(10, 10, 10, 10, 4, 2)
    assert padding((1, 10), ids)[0].tolist() == pytest.approx([0, 0, 0, 0, 0.6, 0.8], abs=0.11)


@pytest.mark.parametrize(
    ("shape", "bars", "share"),
    [
        ((1, 3, 40, 40), (30, 20), 1 - 30 * 20 / 1600),
        ((1, 40, 40, 3), (30, 40), 0.25),
        ((1, 1, 4, 40, 40), (40, 20), 0.5),
    ],
)
def test_bars_beside_pictures_are_padding(
    shape: tuple[int, ...], bars: tuple[int, int], share: float
) -> None:
    pictures = np.random.default_rng(0).random((4, *shape[1:])).astype(np.float32)
    height = 1 if shape[-1] == 3 else len(shape) - 2
    for axis, first in enumerate(bars, height):
        np.moveaxis(pictures, axis, 0)[first:] = 0.45
    shares, places = padding(shape, pictures.reshape(4, -1))
    assert shares == pytest.approx([share] * 4)
    assert places == 1600 * (4 if len(shape) == 5 else 1)


def test_the_ground_around_things_is_no_bar() -> None:
    """A disc on black begins with few pixels; a margin all around is the picture's own; a picture
    of one colour has no bars at all."""
    grid = np.hypot(*np.mgrid[-14:14, -14:14])
    disc = np.where(grid < 9, 1.0, 0.0).astype(np.float32)
    framed = np.pad(np.ones((18, 18), np.float32), 5)
    rows = np.stack([disc.ravel(), framed.ravel(), np.zeros(28 * 28, np.float32)])
    assert not padding((1, 1, 28, 28), rows)[0].any()
