"""Samples in the type that a model's input has: what it cannot hold is refused, not wrapped."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from optim.arrays import Array, TensorSpec
from optim.evalset.stored import fail

_AXES_OF_DATA = 2  # inputs of fewer may be settings


def cast(array: Array, spec: TensorSpec, notes: list[str]) -> Array:
    """The values in the input's dtype: whole numbers must fit; floats may be rounded, and noted."""
    dtype = numpy_dtype(spec)
    kinds = array.dtype.kind, dtype.kind
    if kinds not in {("f", "f"), ("i", "i"), ("i", "u"), ("u", "i"), ("u", "u"), ("b", "b")} | {
        ("b", "i"),
        ("b", "u"),
    }:
        pixels = array.dtype == np.uint8 and dtype.kind == "f"
        scaled = " Pixels are mostly divided by 255 for such models, too." if pixels else ""
        raise fail(
            f"The array {spec.name!r} is {array.dtype}; the model wants {dtype}.",
            f'Convert it with {spec.name}.astype("{dtype}") if that keeps its meaning.{scaled}',
        )
    if kinds[0] == "f":
        return _rounded(array, spec, dtype, notes)
    values = array.astype(dtype)
    if not np.array_equal(values, array):
        raise fail(
            f"The array {spec.name!r} is {array.dtype} with values from {array.min()} to "
            f"{array.max()}, which {dtype} cannot hold.",
            f"The model wants {dtype}; give values in its range.",
        )
    return values


def _rounded(array: Array, spec: TensorSpec, dtype: np.dtype[Any], notes: list[str]) -> Array:
    finite = np.isfinite(array)
    with np.errstate(over="ignore"):
        values = array.astype(dtype)
    if not np.isfinite(values[finite]).all():
        reach = np.abs(array[finite]).max()
        raise fail(
            f"The array {spec.name!r} reaches {reach:.3g}; {dtype} cannot hold that.",
            "Scale it as the model was trained.",
        )
    if array.dtype.itemsize > dtype.itemsize:
        notes.append(f"{spec.name} was rounded from {array.dtype} to {dtype}.")
    return values


def numpy_dtype(spec: TensorSpec) -> np.dtype[Any]:
    """The numpy dtype of an input. Raises InputError for types that numpy cannot store."""
    try:
        dtype = np.dtype(spec.dtype)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "fiub":
        raise fail(
            f"The input {spec.name!r} is of type {spec.dtype}, which an EvalSet cannot hold.",
            "Use a model with float, integer or boolean inputs.",
        )
    return dtype


def may_be_setting(dtype: str, shape: Sequence[int]) -> bool:
    """Whether an input may be a ratio, an axis or the scales of a picture, by its axes."""
    return dtype != "bool" and len(shape) < _AXES_OF_DATA


def setting(dtype: str, shape: Sequence[int], whole: int = 1) -> Array:
    """What most models take for a ratio, a scale, a size, an axis: a half, or one (or zero)."""
    return np.full(shape, 0.5 if dtype.startswith("float") else whole, dtype)
