"""Ways in which detectors answer, and the boxes that they mean: [N, 6], corners, score, class.

Heads that come without their last step have it done here: scores of all classes, centres and sizes
as corners, and of boxes of a class that overlap much the best scored (non-maximum suppression).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from optim.arrays import Array
from optim.metrics.support import boxes
from optim.model import TensorSpec

Layout = Literal["boxes", "scored", "yolo8", "yolo5", "detr", "deformable_detr"]
_LEAST_SCORE = 0.001
_MOST_CANDIDATES = 1000  # of a sample that are looked at, the best scored


def heads(layout: Layout, outputs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """The outputs that can hold a model's boxes in this layout."""
    if layout == "boxes":
        return boxes.box_outputs(outputs)
    if layout in ("yolo8", "yolo5"):
        return [spec for spec in outputs if _is_head(spec, layout)]
    able = [spec for spec in outputs if _are_boxes(spec) and _scores(spec, outputs)]
    return [spec for spec in able if "box" in spec.name.lower()] or able  # scores may be four, too


def holds(layout: Layout, spec: TensorSpec) -> bool:
    """Whether an output can hold boxes in this layout."""
    if layout == "boxes":
        return boxes.are_boxes(spec)
    return _is_head(spec, layout) if layout in ("yolo8", "yolo5") else _are_boxes(spec)


def suited(outputs: Sequence[TensorSpec]) -> Layout:
    """The layout that outputs seem to have."""
    if heads("boxes", outputs):
        return "boxes"
    if found := heads("scored", outputs):
        named = any("logit" in spec.name.lower() for spec in _scores(found[0], outputs))
        return "detr" if named else "scored"
    for layout in ("yolo8", "yolo5"):
        if heads(layout, outputs):
            return layout
    return "boxes"


def class_count(layout: Layout, outputs: Sequence[TensorSpec]) -> int:
    """How many classes a model scores in this layout; 0 where its answers name them."""
    head = next(iter(heads(layout, outputs)), None)
    if head is None or layout == "boxes":
        return 0
    if layout in ("yolo8", "yolo5"):
        return head.shape[1] - 4 if layout == "yolo8" else head.shape[2] - 5
    first, second = _scores(head, outputs)[0].shape[1:]
    return (second if first == head.shape[1] else first) - (layout == "detr")


def table(layout: Layout, name: str, outputs: Mapping[str, Array], overlap: float) -> Array:
    """Found boxes [N, 6].

    Args:
        name: the output of boxes.
        overlap: of two boxes of a class (IoU), above which the lower scored goes.
    """
    if layout == "boxes":
        return boxes.table(name, outputs)
    corners, scores = _read(layout, name, outputs)
    if layout in ("detr", "deformable_detr"):  # each object is answered once
        best = scores.argmax(axis=1)
        return np.column_stack([corners, scores.max(axis=1), best])
    return _best(corners, scores, overlap)


def _read(layout: Layout, name: str, outputs: Mapping[str, Array]) -> tuple[Array, Array]:
    """Corners [N, 4] and scores [N, classes]."""
    held = outputs[name].astype(np.float64)[0]
    if layout == "yolo8":
        return _corners(held[:4].T), held[4:].T
    if layout == "yolo5":
        return _corners(held[:, :4]), held[:, 4:5] * held[:, 5:]
    scores = next(
        array.astype(np.float64)[0] for other, array in outputs.items() if other != name
        and array.ndim == 3 and len(held) in array.shape[1:]
    )  # fmt: skip
    scores = scores if len(scores) == len(held) else scores.T
    if layout == "detr":
        return _corners(held), _softmax(scores)[:, :-1]
    if layout == "deformable_detr":
        return _corners(held), 1 / (1 + np.exp(-np.clip(scores, -50, 50)))
    return held, scores


def _best(corners: Array, scores: Array, overlap: float) -> Array:
    """Every class of every box that scores enough, without those that a better one covers."""
    finite = np.isfinite(corners).all(axis=1, keepdims=True)
    rows, classes = np.nonzero((scores > _LEAST_SCORE) & finite)
    found = np.column_stack([corners[rows], scores[rows, classes], classes])
    found = found[np.argsort(-found[:, 4], kind="stable")][:_MOST_CANDIDATES]
    shares = boxes.overlaps(found[:, :4], found[:, :4], np.zeros(len(found), bool))
    covers = (shares > overlap) & np.equal.outer(found[:, 5], found[:, 5])
    kept = np.ones(len(found), bool)
    for place in range(len(found)):
        if kept[place]:
            kept[place + 1 :] &= ~covers[place, place + 1 :]
    return found[kept]


def _corners(centred: Array) -> Array:
    half = centred[:, 2:] / 2
    return np.concatenate([centred[:, :2] - half, centred[:, :2] + half], axis=1)


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _is_head(spec: TensorSpec, layout: str) -> bool:
    """[1, 4 + classes, N], or [1, N, 5 + classes], with more boxes than numbers of each."""
    if "float" not in spec.dtype or len(spec.shape) != 3 or spec.shape[0] != 1:
        return False
    first, second = spec.shape[1:]
    return 4 < first < second if layout == "yolo8" else 5 < second < first


def _are_boxes(spec: TensorSpec) -> bool:
    return len(spec.shape) == 3 and spec.shape[2] == 4 and boxes.are_boxes(spec)


def _scores(of: TensorSpec, outputs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """Outputs [1, N, classes] or [1, classes, N] for the boxes of an output [1, N, 4]."""
    able = [s for s in outputs if s.name != of.name and "float" in s.dtype and len(s.shape) == 3]
    return [spec for spec in able if spec.shape[0] == 1 and of.shape[1] in spec.shape[1:]]
