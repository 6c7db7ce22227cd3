"""Samples that have no label, by the marks that data sets use for that: they are left out."""

from collections.abc import Sequence

import numpy as np

from optim.arrays import Array
from optim.metrics.choosing import infer_metric
from optim.metrics.support.outputs import is_class_like, is_decision, size_of
from optim.model import TensorSpec

_FAR = -100  # PyTorch's
_NEAR = -1  # scikit-learn's
_BYTE = 255


def labelled_rows(labels: Array, outputs: Sequence[TensorSpec]) -> Array | None:
    """Which samples have a label [samples]; None where all seem to have one.

    A mark is one only where labels are classes without it, and the model has no such class.

    Args:
        labels: [samples], of one output.
        outputs: of one sample, those that the labels may be of.
    """
    if labels.ndim != 1 or labels.dtype.kind not in "iuf":
        return None
    known = ~np.isnan(labels) if labels.dtype.kind == "f" else np.ones(len(labels), bool)
    for mark in _marks(labels, outputs):
        known &= labels != mark
    rest = labels[known]
    if known.all() or len(np.unique(rest)) < 2 or not np.array_equal(rest, np.rint(rest)):
        return None
    return (
        known if infer_metric(rest.astype(np.int64), outputs).kind in ("class", "binary") else None
    )


def _marks(labels: Array, outputs: Sequence[TensorSpec]) -> list[int]:
    """The numbers that can be no class here.

    -1 is none where all labels may be shifted by one, nor where a score may stand for -1, 0 and 1.
    """
    classes = max((size_of(spec) for spec in outputs if is_class_like(spec)), default=0)
    marks = [_FAR]
    if classes and classes - 1 in labels:
        marks.append(_NEAR)
    if classes <= _BYTE and not any(map(is_decision, outputs)):
        marks.append(_BYTE)
    return marks
