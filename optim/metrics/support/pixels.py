"""Classes of pixels: an output's answer for each, and which pixels of a mask count.

Masks mark pixels that do not count with 255 (PASCAL VOC, Cityscapes) or a number below 0 (-1, and
PyTorch's -100).
"""

import numpy as np

from optim.arrays import Array
from optim.metrics.support.outputs import size_of
from optim.model import TensorSpec

_VOID = 255


def are_masks(labels: Array) -> bool:
    """Whether labels are a plane of whole numbers for each sample."""
    return labels.ndim == 3 and labels.dtype.kind in "iu"


def classes_of(spec: TensorSpec, label_size: int | None) -> int:
    """How many classes an output [1, classes, height, width] scores for each pixel; else 0."""
    if len(spec.shape) != 4 or spec.shape[1] < 2 or "float" not in spec.dtype:
        return 0
    height, width = spec.shape[2:]
    fits = label_size in (None, height * width) and min(height, width) > 1
    return spec.shape[1] if fits and size_of(spec) else 0


def decides_pixels(spec: TensorSpec, label_size: int | None) -> bool:
    """Whether an output is the number of a class for each pixel, as ArgMax gives it."""
    plane = [size for size in spec.shape if size > 1]
    return "int" in spec.dtype and len(plane) == 2 and label_size in (None, size_of(spec))


def counted(output: Array, label: Array) -> tuple[Array, Array]:
    """The answers and the labels of the pixels that count, both flat.

    Scores that are not finite name no class that a label could be.
    """
    classes = output.shape[-3] if output.size > label.size else 0
    answers = _answers(output, classes).ravel()
    labels = label.ravel().astype(np.int64)
    kept = labels >= 0
    if classes <= _VOID:
        kept &= labels != _VOID
    return answers[kept], labels[kept]


def _answers(output: Array, classes: int) -> Array:
    if not classes:
        return np.where(np.isfinite(output), output, -1).astype(np.int64)
    scores = output.reshape(classes, -1)
    return np.where(np.isfinite(scores).all(axis=0), scores.argmax(axis=0), -1)


def check_mask(labels: Array, classes: int) -> int | None:
    """The first value of a mask that is neither a class nor a mark for what does not count."""
    values = np.unique(labels.astype(np.int64))
    wrong = values[(values >= (classes or _VOID)) & (values != _VOID)]
    return int(wrong[0]) if wrong.size else None
