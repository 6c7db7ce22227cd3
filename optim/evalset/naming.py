"""Labels under the names that people give them, beside their reserved word."""

import re
from collections.abc import Collection, Mapping, Sequence

from optim.arrays import Array

_LIKE_LABELS = ("labels", "label", "y", "target", "targets")
_SPLIT = re.compile(r"[_-](test|val|valid|validation)$")
_UNNAMED = "arr_1"  # what numpy calls the second array that is saved without a name


def likely_inputs(keys: Sequence[str]) -> Sequence[str]:
    """The arrays that may be an input: not those called as labels are, where there are others."""
    others = [key for key in keys if not _like_labels(key)]
    return others if len(keys) > 1 else keys


def labelled(
    arrays: Mapping[str, Array], inputs: Collection[str], word: str, notes: list[str]
) -> dict[str, Array]:
    """The arrays, labels that are called otherwise under their reserved word; a note says so."""
    alike = [
        key
        for key, array in arrays.items()
        if key != word and _like_labels(key) and key not in inputs and array.ndim == 1
    ]
    if not alike and _is_pair(arrays):
        alike = [_UNNAMED]
    if word in arrays or len(alike) != 1:
        return dict(arrays)
    notes.append(f"The array {alike[0]!r} was taken for the labels.")
    return {word if key == alike[0] else key: array for key, array in arrays.items()}


def _like_labels(key: str) -> bool:
    """Whether labels are often called so: `y`, `Target`, `y_test`."""
    return _SPLIT.sub("", key.lower()) in _LIKE_LABELS


def _is_pair(arrays: Mapping[str, Array]) -> bool:
    """Whether these are samples and their classes, saved one after the other without names."""
    if arrays.keys() != {"arr_0", _UNNAMED}:
        return False
    samples, classes = arrays["arr_0"], arrays[_UNNAMED]
    return classes.ndim == 1 and classes.dtype.kind in "iu" and samples.shape[:1] == classes.shape
