"""Labels and splits under the names that people give them, beside their reserved word."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from optim.arrays import Array
from optim.metrics.support.class_numbers import is_one_hot
from optim.names import legible

_LIKE_LABELS = ("labels", "label", "y", "target", "targets")
_WEIGHTS = ("sampleweight", "sampleweights", "weights")
_TESTS, _TRAINS = ("test", "validation", "valid", "val", "dev"), ("train", "training")
_SPLITS = "|".join((*_TESTS, *_TRAINS))
_SPLIT = re.compile(rf"^(?:(?P<before>{_SPLITS})[_-](.+)|(.+)[_-](?P<behind>{_SPLITS}))$")


def likely_inputs(keys: Sequence[str]) -> Sequence[str]:
    """The arrays that may be an input: not those called as labels are, where there are others."""
    others = [key for key in keys if not like_labels(key)]
    return others if len(keys) > 1 else keys


def stem_of(key: str) -> str:
    """The name in small letters without its split: `x` for `X_test` and for `train_x`."""
    return _parts(key)[0]


def other_splits(keys: Iterable[str], known: Collection[str]) -> list[str]:
    """Of arrays that come once for each split, those of all splits but the first one to judge by.

    Args:
        known: names that mean what they say, such as those of the inputs.
    """
    found: dict[str, dict[str, str]] = {}
    for key in keys:
        stem, split = _parts(key)
        if split and key not in known:
            found.setdefault(split, {})[key] = stem
    chosen = found.get(split_to_judge_by(found), {})
    stems = set(chosen.values())
    return [key for of in found.values() if of is not chosen for key in of if of[key] in stems]


def split_to_judge_by(splits: Collection[str]) -> str:
    """Of these splits the first that is there of those that models are judged by; else none."""
    return next((split for split in _TESTS if split in splits), "")


def split_of(folders: Sequence[str]) -> str:
    """The split that one of the folders is called by; else none."""
    return next((name.lower() for name in folders if name.lower() in (*_TESTS, *_TRAINS)), "")


def _parts(key: str) -> tuple[str, str]:
    """Stem and split; an empty split where the name says none."""
    match = _SPLIT.match(key.lower())
    if not match:
        return key.lower(), ""
    return match[2] or match[3], match["before"] or match["behind"]


def judged_by(
    arrays: Mapping[str, Array], known: Collection[str], notes: list[str]
) -> dict[str, Array]:
    """The arrays of one split, of those that come once for each; a note says which are left out."""
    left = other_splits(arrays, known)
    if left:
        listed = ", ".join(repr(legible(key)) for key in left)
        notes.append(f"Of the splits, the one to judge by was taken; left out: {listed}.")
    return {key: array for key, array in arrays.items() if key not in left}


def labelled(
    arrays: Mapping[str, Array], inputs: Collection[str], word: str, notes: list[str]
) -> dict[str, Array]:
    """The arrays, labels that are called otherwise under their reserved word; a note says so."""
    others = any(not like_labels(key) for key in arrays)
    alike = [
        key
        for key, array in arrays.items()
        if key != word and like_labels(key) and key not in inputs
        if array.ndim == 1 or (others and array.ndim)
    ]
    if not alike and (last := _behind_inputs(arrays, len(inputs))):
        alike = [last]
    if word in arrays or len(alike) != 1:
        return dict(arrays)
    notes.append(f"The array {alike[0]!r} was taken for the labels.")
    return {word if key == alike[0] else key: array for key, array in arrays.items()}


def like_labels(key: str) -> bool:
    """Whether labels are often called so: `y`, `Target`, `y_test`, `test_labels`."""
    return stem_of(key) in _LIKE_LABELS


def weighs_samples(key: str) -> bool:
    """Whether scikit-learn's weights of samples are called so: `sample_weight`, `weights`."""
    return re.sub(r"[\W_]+", "", stem_of(key)) in _WEIGHTS


def _behind_inputs(arrays: Mapping[str, Array], inputs: int) -> str:
    """The last of arrays that were saved without names, one more than inputs, if it has classes.

    numpy calls them `arr_0`, `arr_1` and so on. Empty where they are something else.
    """
    names = [f"arr_{place}" for place in range(inputs + 1)]
    if arrays.keys() != {*names}:
        return ""
    samples, last = arrays[names[0]], arrays[names[-1]]
    if last.shape[:1] != samples.shape[:1]:
        return ""
    column = last.ndim == 1 or last.shape[1:] == (1,)
    classes = column and last.dtype.kind in "biuUS"
    rows = last.ndim == 2 and last.dtype.kind in "biuf" and is_one_hot(last)
    return names[-1] if classes or rows else ""
