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
_ROUNDED = 0.05  # beyond 0 and 1, as 8 bits may round probabilities
CLASS_AXES = (-3, -1)
"""Where classes are among the last three axes of an output, in the order in which it is tried."""


def are_masks(labels: Array) -> bool:
    """Whether labels are a plane of whole numbers for each sample."""
    return labels.ndim == 3 and labels.dtype.kind in "iu"


def classes_of(spec: TensorSpec, label_size: int | None) -> int:
    """How many classes an output scores for each pixel; 0 where it does not.

    It is [1, classes, height, width] or, as TensorFlow has it, [1, height, width, classes]; which,
    the size of a mask tells. One score for each pixel, as a sigmoid gives it, is of two classes.
    """
    if scores_one(spec):
        return 2 if label_size in (None, size_of(spec)) else 0
    if len(spec.shape) != 4 or "float" not in spec.dtype or not size_of(spec):
        return 0
    for axis in CLASS_AXES:
        classes, plane = spec.shape[axis], plane_of(spec.shape, axis)
        if min(classes, *plane) > 1 and label_size in (None, plane[0] * plane[1]):
            return classes
    return 0


def scores_one(spec: TensorSpec) -> bool:
    """Whether an output may be one score for each pixel: a single plane of floats."""
    plane = [size for size in spec.shape if size > 1]
    axes = len(spec.shape) in (3, 4) and spec.shape[0] == 1
    return axes and len(plane) == 2 and "float" in spec.dtype


def suits(spec: TensorSpec, labels: Array) -> bool:
    """Whether masks may be of an output's classes of pixels; pictures may be of a single plane."""
    if not classes_of(spec, labels[0].size):
        return False
    return not scores_one(spec) or bool(np.isin(labels, (0, 1, VOID, -1, -100)).all())


def plane_of(shape: Sequence[int], axis: int) -> tuple[int, ...]:
    """Height and width of [..., classes, height, width] or [..., height, width, classes]."""
    rest = [*shape[-3:]]
    del rest[axis]
    return tuple(rest)


def decides_pixels(spec: TensorSpec, label_size: int | None) -> bool:
    """Whether an output is the number of a class for each pixel, as ArgMax gives it."""
    plane = [size for size in spec.shape if size > 1]
    return "int" in spec.dtype and len(plane) == 2 and label_size in (None, size_of(spec))


def judges_pixels(outputs: Sequence[TensorSpec]) -> bool:
    """Whether an output has a class for each pixel."""
    return any(classes_of(spec, None) or decides_pixels(spec, None) for spec in outputs)


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
    if not classes and output.dtype.kind == "f":
        return _decided(output)
    if not classes:
        return output.astype(np.int64)
    first = output.shape[-3] == classes
    scores = output.reshape(classes, -1) if first else output.reshape(-1, classes).T
    return np.where(np.isfinite(scores).all(axis=0), scores.argmax(axis=0), -1)


def _decided(output: Array) -> Array:
    """The class of each pixel from one number: it, where all are whole, or a score of class 1.

    A score is decided at 0.5 where all of the sample's are probabilities, at 0 where they are
    logits. Numbers that are not finite name no class.
    """
    finite = np.isfinite(output)
    known = output[finite]
    if np.array_equal(known, np.rint(known)):
        return np.where(finite, output, -1).astype(np.int64)
    probable = known.min() >= -_ROUNDED and known.max() <= 1 + _ROUNDED
    return np.where(finite, output > (0.5 if probable else 0), -1).astype(np.int64)


def check_mask(labels: Array, classes: int) -> int | None:
    """The first value of a mask that is neither a class nor a mark for what does not count."""
    values = np.unique(labels.astype(np.int64))
    wrong = values[(values >= (classes or VOID)) & (values != VOID)]
    return int(wrong[0]) if wrong.size else None
