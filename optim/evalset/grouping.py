"""Models that take several samples in one run, such as a batch that is fixed at 8.

An EvalSet's samples are put into groups of that many; the answers are judged one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from optim.arrays import Array, TensorSpec
from optim.evalset.stored import Contents, fail


def taken_at_once(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> int:
    """The number that every input and output begins with, if there is one; else 1."""
    firsts = {spec.shape[0] if spec.shape else 0 for spec in (*inputs, *outputs)}
    return max(1, firsts.pop()) if len(firsts) == 1 else 1


def wanted(
    arrays: Mapping[str, Array], inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> int:
    """How many of these samples go into one run: 1 where each array has whole runs already."""
    together = taken_at_once(inputs, outputs)
    single = all(
        arrays[spec.name].shape[1:] in (spec.shape[1:], (1, *spec.shape[1:])) for spec in inputs
    )
    return together if single else 1


def opened(
    arrays: Mapping[str, Array], inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
) -> Mapping[str, Array]:
    """Arrays of whole runs [runs, together, ...] as [samples, ...] where labels are of samples.

    Then each is judged; where nothing is said of single samples a run stays one.
    """
    together, names = taken_at_once(inputs, outputs), [spec.name for spec in inputs]
    counts = {len(arrays[name]) for name in names if arrays[name].ndim}
    whole = all(arrays[spec.name].shape[1:] == tuple(spec.shape) for spec in inputs)
    if together == 1 or len(counts) != 1 or not whole:
        return arrays
    runs = (counts.pop(), together)
    said = {name for name, array in arrays.items() if array.shape[:2] == runs} - set(names)
    of_samples = {*said, *names} if said else set()
    return {
        name: array.reshape(-1, *array.shape[2:]) if name in of_samples else array
        for name, array in arrays.items()
    }


def of_one(specs: Sequence[TensorSpec], together: int) -> list[TensorSpec]:
    """What one sample's part of inputs or outputs is."""
    if together == 1:
        return list(specs)
    return [spec.model_copy(update={"shape": (1, *spec.shape[1:])}) for spec in specs]


def each(arrays: Mapping[str, Array], together: int) -> list[Mapping[str, Array]]:
    """The parts of the samples of one run."""
    if together == 1:
        return [arrays]
    return [{n: array[i : i + 1] for n, array in arrays.items()} for i in range(together)]


def in_runs(array: Array, together: int) -> Array:
    """[samples, 1, ...] as [runs, together, ...]; what does not fill a run is left out."""
    if together == 1:
        return array
    runs = len(array) // together
    return array[: runs * together].reshape(runs, together, *array.shape[2:])


def grouped(contents: Contents, together: int) -> Contents:
    """The samples in runs of so many, calibration and validation apart. Raises InputError."""
    if together == 1:
        return contents
    count, mask = len(next(iter(contents.inputs.values()))), contents.calibration
    splits = [np.arange(count)] if mask is None else [np.flatnonzero(mask), np.flatnonzero(~mask)]
    rows = np.concatenate([split[: len(split) // together * together] for split in splits])
    if len(rows) < 2 * together:
        raise fail(
            f"The model takes {together} samples in one run, and there are {count}.",
            f"Give at least {2 * together}: a run to calibrate with and one to validate with.",
        )
    left = count - len(rows)
    note = f"The model takes {together} samples in one run: they are grouped, and judged one by one"
    rest = f"; {left} that filled no run are left out." if left else "."

    def taken(array: Array) -> Array:
        return in_runs(array[rows][:, None], together)

    others = (replace(other, labels=taken(other.labels)) for other in contents.others)
    return replace(
        contents,
        inputs={name: in_runs(array[rows], together) for name, array in contents.inputs.items()},
        labels=None if contents.labels is None else taken(contents.labels),
        others=tuple(others),
        texts=None if contents.texts is None else taken(contents.texts),
        calibration=None if mask is None else mask[rows].reshape(-1, together)[:, 0],
        together=together,
        notes=(*contents.notes, note + rest),
    )
