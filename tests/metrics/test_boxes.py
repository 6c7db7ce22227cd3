"""Mean average precision: the values are pycocotools'; labels are checked; outputs are found."""

import contextlib
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optim.errors import InputError
from optim.metrics.base import find_metric
from optim.metrics.choosing import check_counts, check_labels, choose_output, infer_metric
from optim.metrics.support.box_forms import BoxForm
from optim.metrics.support.boxes import table
from optim.model import TensorSpec

MAP, MAP50 = find_metric("mAP"), find_metric("map50")


def spec(name, *shape, dtype="float32"):
    return TensorSpec(name=name, dtype=dtype, shape=shape)


TORCHVISION = [spec("boxes", -1, 4), spec("labels", -1, dtype="int64"), spec("scores", -1)]
TENSORFLOW = [
    spec("detection_boxes", 1, 100, 4),
    spec("detection_classes", 1, 100),
    spec("detection_scores", 1, 100),
    spec("num_detections", 1),
]


@st.composite
def detections(draw):
    """True boxes [n, 4, 6] and found ones near them: missed, doubled, moved, of another class."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    true = np.full((draw(st.integers(2, 8)), 4, 6), -1.0)
    found = []
    for sample in true:
        count = random.integers(0, 5)
        first = random.uniform(0, 80, (count, 2))
        boxes = np.c_[first, first + random.uniform(10, 60, (count, 2))]
        crowd = random.random(count) < 0.15
        sample[:count] = np.c_[random.integers(0, 2, count), boxes, crowd]
        near = np.repeat(sample[:count], random.integers(0, 3, count), axis=0)
        moved = near[:, 1:5] + random.normal(0, 4, (len(near), 4))
        moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
        other = np.where(random.random(len(near)) < 0.1, 1 - near[:, 0], near[:, 0])
        found.append(np.c_[moved, random.random(len(near)), other])
    return true, found


def pycocotools_values(true, found):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth = [
        {
            "id": 1000 * n + i + 1,
            "image_id": n,
            "category_id": int(row[0]),
            "bbox": [*row[1:3], *(row[3:5] - row[1:3])],
            "area": float(np.prod(row[3:5] - row[1:3])),
            "iscrowd": int(row[5]),
        }
        for n, rows in enumerate(true)
        for i, row in enumerate(rows)
        if row[0] >= 0
    ]
    answers = [
        {
            "image_id": n,
            "category_id": int(row[5]),
            "bbox": [*row[:2], *(row[2:4] - row[:2])],
            "score": float(row[4]),
        }
        for n, rows in enumerate(found)
        for row in rows
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": n} for n in range(len(true))],
            "categories": [{"id": 0}, {"id": 1}],
            "annotations": truth,
        }
        coco.createIndex()
        by = COCOeval(coco, coco.loadRes(answers), "bbox")
        by.evaluate()
        by.accumulate()
        by.summarize()
    return by.stats[0], by.stats[1]


@settings(max_examples=40, deadline=None)
@given(detections())
def test_values_are_pycocotools(data):
    true, found = data
    if not any(map(len, found)) or not (true[..., 0] >= 0).any():
        return
    rows = np.array([MAP.row(f, t) for f, t in zip(found, true, strict=True)])
    once = np.ones((1, len(rows)))
    expected = [max(0.0, value) for value in pycocotools_values(true, found)]
    ours = [float(metric.aggregate(rows, once)[0]) for metric in (MAP, MAP50)]
    assert ours == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("outputs", [TORCHVISION, TENSORFLOW, [spec("table", 1, 300, 6)]])
def test_the_outputs_of_usual_detectors_are_found(outputs):
    labels = np.zeros((4, 2, 5))
    assert infer_metric(labels, outputs).name == "map"
    assert choose_output(MAP, outputs, 10) == outputs[0]


def test_boxes_without_scores_are_none():
    with pytest.raises(InputError, match="fits none"):
        choose_output(MAP, [spec("boxes", -1, 4)], 10)


def test_scores_and_classes_go_beside_their_boxes():
    boxes = np.arange(8.0).reshape(2, 4)
    found = table(
        "boxes", {"boxes": boxes, "labels": np.array([3, 1]), "scores": np.array([0.5, 1])}
    )
    assert found.tolist() == [[0, 1, 2, 3, 0.5, 3], [4, 5, 6, 7, 1, 1]]
    one_class = table("b", {"b": boxes[None], "conf": np.array([[0.5, 1]]), "n": np.array([2])})
    assert one_class[:, 4:].tolist() == [[0.5, 0], [1, 0]]


def test_boxes_that_are_none_are_refused():
    with pytest.raises(InputError, match="no whole number"):
        check_labels(MAP, np.array([[[0.5, 0, 0, 1, 1]]]), TORCHVISION, 0)


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("map", np.full((4, 3, 6), -1.0)),
        ("map", np.zeros((4, 0, 6))),
        ("miou", np.full((4, 2, 2), 255, np.int16)),
        ("token_accuracy", np.full((4, 3), -100)),
    ],
)
def test_labels_of_which_nothing_counts_are_refused(name, labels):
    with pytest.raises(InputError, match="of the labels .* counts: all are marked as filler"):
        check_counts(find_metric(name), labels)
    check_counts(find_metric("top1"), np.full(4, -1))
    if labels.size:
        labels.flat[0] = 0
        check_counts(find_metric(name), labels)


def test_forms_of_boxes_are_read_as_the_corners_they_mean():
    corners = np.array([[10.0, 20, 30, 60]])
    centre, size = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    forms = {
        "xyxy": corners,
        "cxcywh": np.c_[centre, size],
        "xywh": np.c_[corners[:, :2], size],
        "yxyx": corners[:, [1, 0, 3, 2]],
        "cxcywh*40x80": np.c_[centre, size] / [40, 80, 40, 80],
        "xywh/2x4": np.c_[corners[:, :2], size] * [2, 4, 2, 4],
    }
    for spelling, boxes in forms.items():
        form = BoxForm.parse(spelling)
        assert form and form.spelling == spelling
        assert form.corners(boxes) == pytest.approx(corners)
    for wrong in ("xyx", "cxcywh*40", "xywh/0x4", "xyxy*1x2x3"):
        assert BoxForm.parse(wrong) is None


def test_labels_of_another_shape_are_refused():
    with pytest.raises(InputError, match="corners"):
        MAP.checked(np.zeros((4, 10)))


def centred(corners):
    return np.concatenate(
        [(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1
    )


def heads_of(layout, corners, classes):
    """What a head of this layout answers for these boxes among 40: the others score little."""
    count, kinds = 40, 3
    every = np.tile([200.0, 200, 210, 220], (count, 1))
    every[: len(corners)] = corners
    scores = np.full((count, kinds), 0.0005)
    scores[np.arange(len(corners)), classes] = 0.9 - 0.1 * np.arange(len(corners))
    if layout == "yolo8":
        return {"output0": np.concatenate([centred(every), scores], 1).T[None]}
    if layout == "yolo5":
        sure = np.ones((count, 1))
        return {"output0": np.concatenate([centred(every), sure, scores], 1)[None]}
    if layout == "scored":
        return {"boxes": every[None], "scores": scores[None]}
    logits = np.log(scores / (1 - scores))
    if layout == "deformable_detr":
        return {"logits": logits[None], "pred_boxes": centred(every)[None]}
    nothing = np.log(1 - scores.sum(axis=1, keepdims=True))
    logits = np.concatenate([np.log(scores), nothing], axis=1)
    return {"logits": logits[None], "pred_boxes": centred(every)[None]}


@pytest.mark.parametrize("layout", ["yolo8", "yolo5", "scored", "detr", "deformable_detr"])
def test_heads_without_their_last_step_are_decoded(layout):
    corners = np.array([[10.0, 10, 50, 60], [12, 12, 80, 90], [100, 20, 150, 70]])
    outputs = heads_of(layout, corners, [2, 0, 1])
    specs = [spec(name, *array.shape) for name, array in outputs.items()]
    labels = np.zeros((2, 4, 6))
    named = find_metric("map") if layout == "deformable_detr" else infer_metric(labels, specs)
    metric = named.suited(labels, specs)
    if layout == "deformable_detr":  # nothing tells it from detr, so it is declared
        assert metric.spelling == "map:layout=detr"
        metric = find_metric("map:layout=deformable_detr")
    assert metric.spelling == f"map:layout={layout}"
    output = choose_output(metric, specs, 20)
    found = metric.read(output.name, outputs)
    found = found[found[:, 4] > 0.1]
    assert found[:, :4] == pytest.approx(corners) and found[:, 5].tolist() == [2, 0, 1]
    assert found[:, 4] == pytest.approx([0.9, 0.8, 0.7])


def test_of_boxes_of_a_class_that_overlap_the_best_scored_stays():
    near = np.array([[10.0, 10, 50, 60], [11, 11, 51, 61], [10, 10, 50, 60]])
    outputs = heads_of("yolo8", near, [1, 1, 2])
    found = find_metric("map:layout=yolo8").read("output0", outputs)
    assert found[:, 4:] == pytest.approx(np.array([[0.9, 1], [0.7, 2]]))
    assert len(find_metric("map:layout=yolo8,overlap=1").read("output0", outputs)) == 3


def test_scores_that_are_not_finite_find_nothing():
    outputs = {
        name: array * np.nan for name, array in heads_of("yolo8", np.empty((0, 4)), []).items()
    }
    assert len(find_metric("map:layout=yolo8").read("output0", outputs)) == 0
