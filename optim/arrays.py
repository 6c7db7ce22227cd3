"""Arrays and how they are kept: types that every module shares, and the head of a `.npy`."""

import tokenize
from collections.abc import Mapping
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Array = NDArray[Any]
Feeds = Mapping[str, Array]
"""One array per model input, by its name."""

DTYPES = (
    *("float32", "float16", "float64", "bool"),
    *("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8"),
)
"""The dtypes an input or output may have (NumPy names)."""


class TensorSpec(BaseModel):
    """An input or output: its name, NumPy dtype name and static shape."""

    model_config = ConfigDict(frozen=True)

    name: str
    dtype: str
    shape: tuple[int, ...]


def npy_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran's order, and dtype of a `.npy` that is about to be read.

    Raises ValueError for a bad one.
    """
    version = npy.read_magic(stream)
    reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    try:
        shape, fortran, dtype = reader(stream)
    except (SyntaxError, tokenize.TokenError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(
            f"the head of an array is no description ({type(error).__name__})"
        ) from None
    if any(isinstance(length, bool) for length in shape):  # which Python takes for 0 and 1
        raise ValueError("the head of an array gives an axis no length")
    return tuple(shape), bool(fortran), dtype
