"""Classes of pixels: an output's answer for each, and which pixels of a mask count.

Masks mark pixels that do not count with 255 (PASCAL VOC, Cityscapes) or a number below 0 (-1, and
PyTorch's -100).
"""

from collections.abc import Sequence

import numpy as np

from optim.arrays import Array
from optim.metrics.support.outputs import size_of
from optim.model import TensorSpec

VOID = 255
CLASS_AXES = (-3, -1)
"""Where classes are among the last three axes of an output, in the order in which it is tried."""


def are_masks(labels: Array) -> bool:
    """Whether labels are a plane of whole numbers for each sample."""
    return labels.ndim == 3 and labels.dtype.kind in "iu"


def classes_of(spec: TensorSpec, label_size: int | None) -> int:
    """How many classes an output scores for each pixel; 0 where it does not.

    It is [1, classes, height, width] or, as TensorFlow has it, [1, height, width, classes]; which,
    the size of a mask tells.
    """
    if len(spec.shape) != 4 or "float" not in spec.dtype or not size_of(spec):
        return 0
    for axis in CLASS_AXES:
        classes, plane = spec.shape[axis], plane_of(spec.shape, axis)
        if min(classes, *plane) > 1 and label_size in (None, plane[0] * plane[1]):
            return classes
    return 0


def plane_of(shape: Sequence[int], axis: int) -> tuple[int, ...]:
    """Height and width of [..., classes, height, width] or [..., height, width, classes]."""
    rest = [*shape[-3:]]
    del rest[axis]
    return tuple(rest)


def decides_pixels(spec: TensorSpec, label_size: int | None) -> bool:
    """Whether an output is the number of a class for each pixel, as ArgMax gives it."""
    plane = [size for size in spec.shape if size > 1]
    return "int" in spec.dtype and len(plane) == 2 and label_size in (None, size_of(spec))


def counted(output: Array, label: Array) -> tuple[Array, Array]:
    """The answers and the labels of the pixels that count, both flat.

    Scores that are not finite name no class that a label could be.
    """
    classes = scored(output, label)
    answers = _answers(output, classes).ravel()
    labels = label.ravel().astype(np.int64)
    kept = labels >= 0
    if classes <= VOID:
        kept &= labels != VOID
    return answers[kept], labels[kept]


def scored(output: Array, label: Array) -> int:
    """How many classes this output scores for each pixel of the label; 0 where it has decided."""
    return output.size // label.size if output.size > label.size else 0


def _answers(output: Array, classes: int) -> Array:
    if not classes:
        return np.where(np.isfinite(output), output, -1).astype(np.int64)
    first = output.shape[-3] == classes
    scores = output.reshape(classes, -1) if first else output.reshape(-1, classes).T
    return np.where(np.isfinite(scores).all(axis=0), scores.argmax(axis=0), -1)


def check_mask(labels: Array, classes: int) -> int | None:
    """The first value of a mask that is neither a class nor a mark for what does not count."""
    values = np.unique(labels.astype(np.int64))
    wrong = values[(values >= (classes or VOID)) & (values != VOID)]
    return int(wrong[0]) if wrong.size else None
