"""Tensors on the wire: the protocol's datatypes, and arrays from JSON or from raw bytes.

Open Inference Protocol, version 2 (KServe, Triton): https://github.com/kserve/open-inference-protocol
"""

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optim.arrays import TensorSpec
from optim.serving.errors import BadRequest

Array = NDArray[Any]
JSON_LENGTH = "Inference-Header-Content-Length"
"""The header that says where a request's JSON ends and tensors' bytes begin."""
_DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
}
"""NumPy dtype -> the protocol's name."""


def datatype(dtype: str) -> str:
    """The protocol's name of a NumPy dtype; text and bytes are BYTES."""
    return _DATATYPES.get(dtype, "BYTES")


@cache  # a dtype's name is looked up in many steps
def _datatype_of(dtype: np.dtype[Any]) -> str:
    return datatype(dtype.name)


def described(name: str, value: Array) -> dict[str, Any]:
    """What the protocol's JSON says of a tensor, its data left out."""
    return {"name": name, "datatype": _datatype_of(value.dtype), "shape": list(value.shape)}


def checked(spec: TensorSpec, wanted: str, shape: Sequence[int], rows: int) -> tuple[int, ...]:
    """The shape of a tensor that is to be read for this input.

    Args:
        rows: the most that the first axis may have; 1 where the model takes no batches.

    Raises: BadRequest where datatype or shape are not the input's.
    """
    if wanted != datatype(spec.dtype):
        raise BadRequest(
            f"The input {spec.name!r} has datatype {wanted[:20]}; it is {datatype(spec.dtype)}."
        )
    given = tuple(int(size) for size in shape)
    inner, own = spec.shape[1:], spec.shape[:1]
    batched = rows > 1 and len(given) == len(spec.shape) and given[1:] == inner
    if given != spec.shape and not (batched and 1 <= given[0] <= rows):
        first = f"1 to {rows}" if rows > 1 else ", ".join(map(str, own))
        takes = [first, *map(str, inner)] if spec.shape else []
        raise BadRequest(
            f"The input {spec.name!r} has shape {list(given)}; it takes [{', '.join(takes)}]."
        )
    return given


def from_json(spec: TensorSpec, data: Any, shape: tuple[int, ...]) -> Array:
    """An array of numbers as JSON has them, flat or nested. Raises BadRequest."""
    try:
        flat = np.asarray(data)
        if flat.dtype == object or flat.dtype.kind not in "biuf":
            raise ValueError("it is no array of numbers")
        return _exact(flat, spec.dtype).reshape(shape)
    except (ValueError, OverflowError) as error:
        raise BadRequest(f"The data of input {spec.name!r} cannot be read: {error}.") from None


def _exact(flat: Array, dtype: str) -> Array:
    """In another type, where that changes no value. Raises ValueError."""
    if np.dtype(dtype).kind in "iu" and flat.size:
        limits = np.iinfo(dtype)
        if flat.dtype.kind == "f" and not np.array_equal(flat, np.trunc(flat)):
            raise ValueError(f"not all values are whole, as {dtype} has them")
        if flat.min() < limits.min or flat.max() > limits.max:
            raise ValueError(f"not all values fit {dtype}")
    return flat.astype(dtype)


def from_raw(spec: TensorSpec, data: bytes | memoryview, shape: tuple[int, ...]) -> Array:
    """An array from its bytes, little-endian and in C order; of these, where they lie as engines
    want them. Raises BadRequest."""
    dtype = np.dtype(spec.dtype).newbyteorder("<")
    wanted = prod(shape) * dtype.itemsize
    if len(data) != wanted:
        raise BadRequest(
            f"The input {spec.name!r} has {len(data):,} bytes; {list(shape)} needs {wanted:,}."
        )
    found = np.frombuffer(data, dtype).reshape(shape)
    return found.astype(spec.dtype, copy=not found.flags.aligned)


def raw(array: Array) -> bytes:
    """An array's bytes, little-endian and in C order."""
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
