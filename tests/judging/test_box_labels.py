"""True boxes in another form than the model's: the form is found, and mends them."""

import numpy as np
import pytest

from optim.evalset.relabelling import Relabelling
from optim.judging.box_labels import box_misfit, picture_size

WIDTH, HEIGHT, SAMPLES, MOST = 96, 64, 30, 4
SIDES = np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])


@pytest.fixture(scope="module")
def boxes():
    """True boxes [samples, most, 6] as corners in pixels, and what a good detector finds."""
    random = np.random.default_rng(5)
    first = random.uniform(0, 0.6, (SAMPLES, MOST, 2)) * [WIDTH, HEIGHT]
    corners = np.concatenate([first, first + random.uniform(8, 24, first.shape)], 2)
    classes = random.integers(0, 3, (SAMPLES, MOST, 1))
    true = np.concatenate([classes, corners, np.zeros_like(classes)], 2).astype(float)
    near = corners + random.normal(0, 1, corners.shape)
    scores = np.sort(random.random((SAMPLES, MOST, 1)), axis=1)[:, ::-1]
    found = np.concatenate([near, scores, classes], 2)
    stray = random.uniform(0, 60, (SAMPLES, 5, 6))
    true[::3, -1] = -1  # what fills up
    return true, [*np.concatenate([found, stray], 1)]


def written(true, order, scale=1.0, shift=0):
    """As a person has them."""
    corners = true[..., 1:5]
    first, second = corners[..., :2], corners[..., 2:]
    forms = {
        "cxcywh": ((first + second) / 2, second - first),
        "xywh": (first, second - first),
        "yxyx": (first[..., ::-1], second[..., ::-1]),
        "xyxy": (first, second),
    }
    there = true[..., :1] > -1
    boxes = np.where(there, np.concatenate(forms[order], -1) * scale, true[..., 1:5])
    return np.concatenate([true[..., :1] + shift * there, boxes, true[..., 5:]], -1)


@pytest.mark.parametrize(
    ("order", "scale", "shift", "change"),
    [
        ("cxcywh", 1 / SIDES, 0, "boxes=cxcywh*96x64"),  # YOLO
        ("xywh", 1, 1, "boxes=xywh,shift=-1"),  # COCO
        ("yxyx", 1 / SIDES[::-1][[0, 1, 2, 3]], 0, None),
        ("xyxy", 1 / SIDES, 0, "boxes=xyxy*96x64"),
        ("xyxy", 1, 1, "shift=-1"),
    ],
)
def test_the_form_is_found_and_mends_them(boxes, order, scale, shift, change):
    true, found = boxes
    given = written(true, order, scale, shift)
    told = box_misfit(given, found, (WIDTH, HEIGHT))
    assert told and told.change
    if change:
        assert told.change == change
    mended = Relabelling.parse(told.change).applied(given)
    assert mended[..., :5] == pytest.approx(true[..., :5])
    assert box_misfit(mended, found, (WIDTH, HEIGHT)) is None


def test_a_model_that_answers_in_shares_is_told_from_pixels(boxes):
    true, found = boxes
    shares = [np.c_[rows[:, :4] / SIDES, rows[:, 4:]] for rows in found]
    told = box_misfit(written(true, "xywh"), shares, (WIDTH, HEIGHT))
    assert told and told.change == "boxes=xywh/96x64" and "over 96 by 64" in told.text


def test_boxes_that_nothing_mends_are_told_where_they_are_no_corners(boxes):
    true, found = boxes
    nothing = [np.empty((0, 6))] * SAMPLES
    told = box_misfit(written(true, "xywh", 0.3), nothing, None)
    assert told and not told.change and "no two corners" in told.text and "xywh" in told.text
    assert box_misfit(true, nothing, None) is None
    assert box_misfit(true, found, (WIDTH, HEIGHT)) is None


def test_the_size_of_a_picture_is_read_off_its_input():
    first, last = np.zeros((1, 3, 64, 96)), np.zeros((1, 64, 96, 3))
    assert picture_size({"n": np.zeros((1, 2)), "x": first}) == (96, 64)
    assert picture_size({"x": last}) == (96, 64) and picture_size({"x": last[0]}) is None
