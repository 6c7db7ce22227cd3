"""The noise in outputs: what it counts, and that large values hide nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optim.judging.noise import noise, noise_of


def samples(*shape: int, seed: int = 0) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).standard_normal((6, *shape)).astype(np.float32))


def test_the_same_answers_have_no_noise_and_other_shapes_are_all_lost() -> None:
    a = samples(1, 5)
    assert noise(a, a) == 0
    assert noise(a, [x[:, :4] for x in a]) == 1


def test_numbers_of_classes_count_how_many_differ() -> None:
    a = [np.array([k]) for k in range(4)]
    assert noise(a, [np.array([0])] * 4) == pytest.approx(0.75)


def test_an_error_in_small_scores_shows_beside_boxes_of_hundreds_of_pixels() -> None:
    boxes, scores = samples(1, 9, 4), samples(1, 9, 2, seed=1)
    a = [np.concatenate([300 * b, s], axis=2) for b, s in zip(boxes, scores, strict=True)]
    b = [np.concatenate([x[..., :4], 0 * x[..., 4:]], axis=2) for x in a]
    assert noise(a, b) > 0.2


@given(st.floats(0.001, 0.3))
def test_more_error_is_more_noise(size: float) -> None:
    a, error = samples(1, 7), samples(1, 7, seed=2)
    less, more = ([x + k * size * e for x, e in zip(a, error, strict=True)] for k in (1, 2))
    assert 0 < noise(a, less) < noise(a, more) <= 1


def test_values_that_are_not_finite_are_lost_where_the_original_has_some() -> None:
    a = samples(1, 3)
    assert noise(a, [np.full_like(x, np.nan) for x in a]) == 1
    odd = [np.where(x > 0, x, -np.inf) for x in a]
    assert noise(odd, odd) == 0


def test_a_wider_reference_gives_the_scale_of_what_few_samples_show() -> None:
    a = samples(1, 4)
    near = [x + 0.1 for x in a[:2]]
    assert noise(a, near) == pytest.approx(noise_of({"y": a}, {"y": near})["y"])
    assert noise(a, near) < 0.2
