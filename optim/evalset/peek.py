"""The first sample of an EvalSet's `.npz`, read without unpacking the rest. Runs in a child."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from optim.arrays import DTYPES, Array, Feeds, npy_header
from optim.errors import InputError
from optim.names import legible
from optim.sandbox.directory import opened

_MAX_SAMPLE_BYTES = 1 << 30


def first_sample(path: Path) -> Feeds:
    """Name -> the first sample of each numeric array (without the samples axis).

    Labels too, since an input may be called so. Empty for what is not an .npz, such as a zip of
    images. Raises InputError for a damaged one.
    """
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with opened(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(".npy")]
            found = {}
            for entry in names:
                with archive.open(entry) as source:
                    array = _first(source)
                if array is not None:
                    found[entry.removesuffix(".npy")] = array
            return found
    except InputError:
        raise
    except Exception as error:  # zipfile, its decompressors and numpy each have their own kinds
        raise InputError(
            f"The EvalSet cannot be read ({legible(str(error), 200)}).",
            "Write it again with np.savez_compressed.",
        ) from None


def shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape of each array of an `.npz` that `first_sample` has read; else nothing."""
    if not zipfile.is_zipfile(path):
        return {}
    found = {}
    with opened(path) as archive:
        for entry in (name for name in archive.namelist() if name.endswith(".npy")):
            with archive.open(entry) as source:
                found[entry.removesuffix(".npy")] = npy_header(source)[0]
    return found


def _first(source: IO[bytes]) -> Array | None:
    shape, fortran, dtype = npy_header(source)
    if dtype.name not in DTYPES or not shape or fortran or shape[0] == 0:
        return None
    size = math.prod(shape[1:]) * dtype.itemsize
    if size > _MAX_SAMPLE_BYTES:
        raise InputError(f"One sample has {size / 1e6:.0f} MB.", "Give smaller samples.")
    return np.frombuffer(source.read(size), dtype).reshape(shape[1:])
