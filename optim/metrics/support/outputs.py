"""What an output is: scores of classes, the number of a class, or numbers."""

import numpy as np

from optim.arrays import Array
from optim.model import TensorSpec

_NOT_CLASSES = ("embed", "hidden", "feature", "pool", "state", "sentence")
_NO_CLASS = -1


def size_of(spec: TensorSpec) -> int:
    """How many numbers one sample's output holds; 0 where that depends on the data."""
    return int(np.prod(spec.shape, dtype=np.int64)) if min(spec.shape, default=1) > 0 else 0


def is_class_like(spec: TensorSpec) -> bool:
    """Whether an output is one vector of class scores: one dimension above 1, no embedding."""
    wide = [size for size in spec.shape if size > 1]
    return (
        size_of(spec) > 0
        and len(wide) == 1
        and not any(word in spec.name.lower() for word in _NOT_CLASSES)
    )


def is_decision(spec: TensorSpec) -> bool:
    """Whether an output is the number of a class, as ArgMax gives it."""
    return "int" in spec.dtype and size_of(spec) == 1


def answer_of(output: Array) -> int:
    """The class that an output names: the highest score's, or the value of one that is decided.

    A decided value that is not finite names no class.
    """
    if output.size > 1:
        return int(np.argmax(output))
    return int(output.ravel()[0]) if np.isfinite(output).all() else _NO_CLASS
