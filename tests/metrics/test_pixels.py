"""Masks: what does not count is left out, whatever it is called, and the values are right."""

import numpy as np
import pytest

from optim.errors import InputError
from optim.metrics.base import find_metric
from optim.metrics.choosing import as_masks, check_labels, infer_metric
from optim.model import TensorSpec

SCORES = TensorSpec(name="logits", dtype="float32", shape=(1, 3, 4, 5))
DECIDED = TensorSpec(name="map", dtype="int64", shape=(1, 4, 5))
RANDOM = np.random.default_rng(0)
MASKS = RANDOM.integers(0, 3, (30, 4, 5))
ANSWERS = RANDOM.standard_normal((30, 1, 3, 4, 5)).astype(np.float32)


def value(name, masks, answers=ANSWERS):
    metric = find_metric(name)
    rows = np.array([metric.row(a, m) for a, m in zip(answers, masks, strict=True)])
    return float(metric.aggregate(rows, np.ones((1, len(rows))))[0])


def expected(masks):
    """By scikit-learn, on the pixels that count."""
    from sklearn.metrics import accuracy_score, jaccard_score

    truth, answers = masks.ravel(), ANSWERS.argmax(axis=2).ravel()
    counts = (truth >= 0) & (truth != 255)
    return {
        "pixel_accuracy": accuracy_score(truth[counts], answers[counts]),
        "miou": jaccard_score(truth[counts], answers[counts], average="macro"),
    }


@pytest.mark.parametrize("name", ["pixel_accuracy", "miou"])
@pytest.mark.parametrize("void", [None, 255, -1, -100])
def test_values_are_scikit_learns_without_the_pixels_that_do_not_count(name, void) -> None:
    masks = MASKS.copy()
    if void is not None:
        masks[:, :2, 1:3] = void
    assert value(name, masks) == pytest.approx(expected(masks)[name])


def test_decided_pixels_have_an_accuracy() -> None:
    decided = ANSWERS.argmax(axis=2)
    assert value("pixel_accuracy", MASKS, decided) == value("pixel_accuracy", MASKS)


def test_decided_pixels_have_a_mean_iou_where_it_is_asked_for() -> None:
    decided = ANSWERS.argmax(axis=2)
    assert value("miou", MASKS, decided) == pytest.approx(value("miou", MASKS))
    assert check_labels(find_metric("miou"), MASKS, [DECIDED], 0).shape == MASKS.shape


LAST = TensorSpec(name="logits", dtype="float32", shape=(1, 4, 5, 3))


@pytest.mark.parametrize("name", ["pixel_accuracy", "miou"])
def test_scores_may_be_the_last_axis(name) -> None:
    """As TensorFlow has them."""
    answers = np.moveaxis(ANSWERS, 2, -1)
    assert infer_metric(MASKS, [LAST]).name == "miou"
    assert value(name, MASKS, answers) == pytest.approx(expected(MASKS)[name])
    with pytest.raises(InputError, match="hold 3; .* 0 to 2"):
        check_labels(find_metric(name), MASKS + 1, [LAST], 0)
    masks, notes = as_masks(np.eye(3)[MASKS], [LAST])
    assert np.array_equal(masks, MASKS) and "[30, 4, 5] now" in notes[0]


def test_masks_without_a_metric_are_judged_by_it() -> None:
    assert infer_metric(MASKS, [SCORES]).name == "miou"
    assert infer_metric(MASKS, [DECIDED]).name == "pixel_accuracy"
    assert infer_metric(MASKS.astype(np.float32), [SCORES]).name == "mae"


def test_masks_are_kept_small_and_checked() -> None:
    metric = find_metric("miou")
    masks = MASKS.astype(np.uint8)
    masks[0, 0, 0] = 255
    assert check_labels(metric, masks, [SCORES], 0).dtype == np.int16
    masks[0, 0, 0] = 7
    with pytest.raises(InputError, match="hold 7; the output 'logits'"):
        check_labels(metric, masks, [SCORES], 0)


@pytest.mark.parametrize(
    ("masks", "said"),
    [(MASKS + 1, "Counted from 1"), (np.maximum(MASKS, 0) * 3 // 2, "Does 0 mark")],
)
def test_masks_that_reach_one_too_far_are_told_what_would_fit(masks, said) -> None:
    masks = masks.copy()
    masks[0, 0, :2] = 255
    with pytest.raises(InputError, match=rf"{said}.*--labels shift=-1"):
        check_labels(find_metric("miou"), masks, [SCORES], 0)


def test_what_is_not_finite_is_no_class() -> None:
    broken = ANSWERS.copy()
    broken[:, :, 1] = np.nan
    assert value("pixel_accuracy", MASKS, broken) == 0


@pytest.mark.parametrize(
    "written",
    [MASKS[:, None], MASKS.astype(np.float32), np.moveaxis(np.eye(3)[MASKS], -1, 1)],
    ids=["a plane", "floats", "one-hot"],
)
def test_masks_written_otherwise_are_made_plain_and_that_is_said(written) -> None:
    masks, notes = as_masks(written, [SCORES])
    assert np.array_equal(masks, MASKS) and "[30, 4, 5] now" in notes[0]


def test_what_is_no_mask_stays_as_it_is() -> None:
    for labels in (MASKS, RANDOM.random((30, 4, 5)), RANDOM.random((30, 3, 4, 5)), np.arange(30)):
        assert as_masks(labels, [SCORES])[0] is labels


ONE_PLANE = TensorSpec(name="mask", dtype="float32", shape=(1, 1, 4, 5))
TWO_PLANES = TensorSpec(name="mask", dtype="float32", shape=(1, 2, 4, 5))
TWO = RANDOM.integers(0, 2, (30, 4, 5))


@pytest.mark.parametrize("name", ["pixel_accuracy", "miou"])
@pytest.mark.parametrize("probabilities", [True, False])
def test_one_score_for_each_pixel_is_of_two_classes(name, probabilities) -> None:
    logits = ANSWERS[:, :, :1]
    scores = 1 / (1 + np.exp(-logits)) if probabilities else logits
    both = np.concatenate([-logits, logits], axis=2)
    masks = TWO.copy()
    masks[:, 0] = 255
    assert value(name, masks, scores) == pytest.approx(value(name, masks, both))
    assert 0 < value(name, masks, scores) < 1


WRITTEN = {
    "0 and 255": TWO.astype(np.uint8) * 255,
    "true and false": TWO.astype(bool),
    "in an axis of its own": TWO[:, None].astype(np.float32),
    "255 in an axis at the end": TWO[..., None] * 255,
}


@pytest.mark.parametrize("way", list(WRITTEN))
@pytest.mark.parametrize("spec", [ONE_PLANE, TWO_PLANES])
def test_masks_of_two_classes_are_read_however_written(way, spec) -> None:
    masks, _ = as_masks(WRITTEN[way], [spec])
    assert np.array_equal(masks, TWO)
    assert infer_metric(masks, [spec]).name == "miou"


def test_what_255_is_depends_on_what_else_there_is() -> None:
    void = np.where(TWO == 0, 1, 255)
    void[0] = 0
    assert np.array_equal(as_masks(void, [TWO_PLANES])[0], void)
    assert np.array_equal(as_masks(TWO * 255, [SCORES])[0], TWO * 255)
    pictures = RANDOM.integers(0, 256, (30, 1, 4, 5)).astype(np.uint8)
    assert as_masks(pictures, [ONE_PLANE]) == (pictures, [])
    assert infer_metric(pictures, [ONE_PLANE]).name == "mae"
    assert infer_metric(pictures[:, 0], [ONE_PLANE]).name == "mae"
