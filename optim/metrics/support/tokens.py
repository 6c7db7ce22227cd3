"""Classes of the places of a sequence: an answer's, and which places of a label count.

Places that do not count have a number below 0, as PyTorch's -100.
"""

from collections.abc import Sequence

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.model import TensorSpec

_NO_CLASS = -1


def scores_places(spec: TensorSpec, places: int | None) -> bool:
    """Whether an output [1, places, classes] scores the classes of each place."""
    floating = "float" in spec.dtype and len(spec.shape) == 3 and spec.shape[0] == 1
    return floating and spec.shape[2] > 1 and places in (None, spec.shape[1])


def decides_places(spec: TensorSpec) -> bool:
    """Whether an output is the number of a class for each of several places, as ids of tokens."""
    wide = [size for size in spec.shape if size != 1]
    return "int" in spec.dtype and len(wide) == 1


def are_sequences(labels: Array | None) -> bool:
    """Whether labels are a row of whole numbers for each sample."""
    return labels is not None and labels.ndim == 2 and labels.dtype.kind in "iu"


def places_first(outputs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """Outputs that score places, then those that have decided on them."""
    scored = [spec for spec in outputs if scores_places(spec, None)]
    return [*scored, *filter(decides_places, outputs)]


def answer(output: Array) -> Array:
    """The class of each place; scores that are not finite name none."""
    if output.dtype.kind in "iu" or output.ndim < 2 or output.shape[-1] == output.size:
        flat = output.ravel()
        return np.where(np.isfinite(flat), flat, _NO_CLASS).astype(np.int64)
    scores = output.reshape(-1, output.shape[-1])
    return np.where(np.isfinite(scores).all(axis=1), scores.argmax(axis=1), _NO_CLASS)


def beside(output: Array, label: Array) -> Array:
    """The class of each place, and below 0 where scores are given for a place of the label that
    does not count: they can say no such thing themselves."""
    found, places = answer(output), label.ravel()
    aligned = found.size == places.size < output.size
    return np.where(places < 0, _NO_CLASS, found) if aligned else found


def counted(label: Array) -> Array:
    """The classes of the places that count."""
    whole = label.ravel().astype(np.int64)
    return whole[whole >= 0]


def checked(labels: Array) -> Array:
    """Labels [samples, places] as whole numbers. Raises InputError."""
    whole = labels.astype(np.int64)
    if labels.ndim != 2 or not np.array_equal(whole, labels):
        raise InputError(
            f"The labels are {labels.dtype}{list(labels.shape)}; a class for each place is wanted.",
            "Give whole numbers of shape [samples, places]; -100 marks places that do not count.",
            "EvalSet",
        )
    return whole


def edits(answered: Array, wanted: Array) -> int:
    """Fewest insertions, deletions and replacements between two sequences (Levenshtein 1966)."""
    places = np.arange(len(wanted) + 1)
    row = places.copy()
    for number, token in enumerate(answered, 1):
        stepped = np.minimum(row[1:] + 1, row[:-1] + (wanted != token))
        row = np.minimum.accumulate(np.r_[number, stepped] - places) + places
    return int(row[-1])
