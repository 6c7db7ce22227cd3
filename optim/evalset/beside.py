"""What lies beside the inputs and labels of an `.npz`: names called otherwise, and the rest."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from optim.arrays import Array, TensorSpec
from optim.errors import InputError
from optim.evalset.naming import like_labels, stem_of, weighs_samples
from optim.names import some

_UNNAMED = "arr_"  # numpy's, for arrays whose order says what they are
_CALLED = {
    "features": ("feature_names", "features_names", "feature_name", "columns", "column_names"),
    "classes": ("class_names", "classnames", "target_names", "label_names", "labels_names"),
}
"""Reserved word -> what else people and libraries call it."""


def check_pickled(
    pickled: Mapping[str, InputError],
    arrays: Collection[str],
    known: Collection[str],
    notes: list[str],
) -> None:
    """Raise what is said of an array of Python objects, where it may be one that is needed; a note
    names the others.

    Args:
        pickled: its name -> the error; it was not read.
        arrays: names of those that were.
        known: names that mean what they say, such as those of the inputs.
    """
    stems = {stem_of(name) for name in known}
    for name, error in pickled.items():
        if not arrays or name in known or stem_of(name) in stems or like_labels(name):
            raise error
    if pickled:
        notes.append(f"Left out unread, as they are pickled Python objects: {some(pickled)}.")


def under_words(
    arrays: Mapping[str, Array], words: Mapping[str, str], inputs: Sequence[TensorSpec]
) -> dict[str, Array]:
    """The arrays, names of features and classes under their reserved word where they fit."""
    found, named = dict(arrays), {spec.name for spec in inputs}
    for word, others in _CALLED.items():
        free = [name for name in others if name in arrays and name not in named]
        fit = [n for n in free if _fits(word, arrays[n], arrays.get(words["labels"]), inputs)]
        if fit and words[word] not in arrays:
            found[words[word]] = found.pop(fit[0])
    return found


def _fits(word: str, names: Array, labels: Array | None, inputs: Sequence[TensorSpec]) -> bool:
    if names.ndim != 1 or names.dtype.kind not in "US":
        return False
    if word == "features":
        return len(names) == sum(int(np.prod(spec.shape)) for spec in inputs)
    if labels is None or not labels.size or labels.dtype.kind not in "iuUS":
        return False
    if labels.dtype.kind in "iu":
        return bool(labels.min() >= 0 and labels.max() < len(names))
    return {*labels.ravel().tolist()} <= {*names.tolist()}


def left_out(
    arrays: Mapping[str, Array], known: Collection[str], texts: bool, notes: list[str]
) -> dict[str, Array]:
    """The arrays without single values and texts that have no meaning here; a note names these.

    Args:
        known: names that mean something.
        texts: whether texts may be inputs.
    """
    weights = [
        name
        for name, array in arrays.items()
        if name not in known and weighs_samples(name) and array.shape == (array.size,)
    ]
    if weights and any(name not in weights and not like_labels(name) for name in arrays):
        notes.append(f"Left out: {some(weights)}. Weights are not used, each sample counts alike.")
        arrays = {name: array for name, array in arrays.items() if name not in weights}
    beside = [
        name
        for name, array in arrays.items()
        if name not in known
        and not name.startswith(_UNNAMED)
        and (array.ndim == 0 or (array.dtype.kind not in "biuf" and not texts))
    ]
    rest = {name: array for name, array in arrays.items() if name not in beside}
    if beside and rest:
        notes.append(f"Left out, as it is neither input nor label: {some(beside)}.")
    return rest or dict(arrays)
