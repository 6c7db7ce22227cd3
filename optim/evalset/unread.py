"""Inputs that no node of a model reads, as exporters leave them: they need no arrays."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from optim.arrays import Array, TensorSpec
from optim.evalset import grouping
from optim.evalset.casting import numpy_dtype
from optim.evalset.unzipping import check_size
from optim.model.proto import names_read
from optim.names import legible


def unread(model: Path) -> set[str]:
    """Names of the inputs that no node and no output reads, those of branches and loops included.

    Args:
        model: its ONNX file.
    """
    import onnx

    graph = onnx.load(str(model), load_external_data=False).graph
    return {value.name for value in graph.input} - {*names_read(graph)}


def filled(
    arrays: Mapping[str, Array],
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    max_mb: int,
    notes: list[str],
) -> Mapping[str, Array]:
    """The arrays with zeros for the inputs that have none, in the form of the others; notes say so.

    Raises: InputError where the zeros would take more than `max_mb`.
    """
    missing = [spec for spec in inputs if spec.name not in arrays]
    there = [spec for spec in inputs if spec.name in arrays and arrays[spec.name].ndim]
    if not missing or not there:
        return arrays
    count = len(arrays[there[0].name])
    if any(arrays[spec.name].shape[1:] != tuple(spec.shape) for spec in there):
        missing = grouping.of_one(missing, grouping.taken_at_once(inputs, outputs))
    sizes = [numpy_dtype(one).itemsize * int(np.prod(one.shape)) for one in missing]
    check_size(count * sum(sizes), max_mb)
    zeros = {one.name: np.zeros((count, *one.shape), numpy_dtype(one)) for one in missing}
    notes += [
        f"The model has an input {legible(name)!r} that it never reads; it gets zeros."
        for name in zeros
    ]
    return {**arrays, **zeros}
