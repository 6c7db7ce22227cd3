"""Labels under the names that people give them, beside their reserved word."""

from collections.abc import Collection, Mapping, Sequence

from optim.arrays import Array

_LIKE_LABELS = ("label", "y", "target", "targets")


def likely_inputs(keys: Sequence[str]) -> Sequence[str]:
    """The arrays that may be an input: not those called as labels are, where there are others."""
    others = [key for key in keys if key.lower() not in _LIKE_LABELS]
    return others if len(keys) > 1 else keys


def labelled(
    arrays: Mapping[str, Array], inputs: Collection[str], word: str, notes: list[str]
) -> dict[str, Array]:
    """The arrays, labels that are called otherwise under their reserved word; a note says so."""
    alike = [
        key
        for key, array in arrays.items()
        if key.lower() in _LIKE_LABELS and key not in inputs and array.ndim == 1
    ]
    if word in arrays or len(alike) != 1:
        return dict(arrays)
    notes.append(f"The array {alike[0]!r} was taken for the labels.")
    return {word if key == alike[0] else key: array for key, array in arrays.items()}
