"""The first sample of an EvalSet's `.npz`, read without unpacking the rest. Runs in a child."""

import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from optim.arrays import DTYPES, Array, Feeds, npy_header
from optim.errors import InputError
from optim.evalset.npz import RESERVED
from optim.names import legible
from optim.sandbox.archive import MAX_ENTRIES

_MAX_SAMPLE_BYTES = 1 << 30


def first_sample(path: Path) -> Feeds:
    """Name -> the first sample of each numeric array that is an input (without the samples axis).

    Empty for what is not an .npz, such as a zip of images. Raises InputError for a damaged one.
    """
    if not zipfile.is_zipfile(path):
        return {}
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist()[:MAX_ENTRIES] if n.endswith(".npy")]
            found = {}
            for entry in names:
                if (name := entry.removesuffix(".npy")) not in RESERVED:
                    with archive.open(entry) as source:
                        array = _first(source)
                    if array is not None:
                        found[name] = array
            return found
    except InputError:
        raise
    except Exception as error:  # zipfile, its decompressors and numpy each have their own kinds
        raise InputError(
            f"The EvalSet cannot be read ({legible(str(error), 200)}).",
            "Write it again with np.savez_compressed.",
        ) from None


def _first(source: IO[bytes]) -> Array | None:
    shape, fortran, dtype = npy_header(source)
    if dtype.name not in DTYPES or not shape or fortran or 0 in shape:
        return None
    size = math.prod(shape[1:]) * dtype.itemsize
    if size > _MAX_SAMPLE_BYTES:
        raise InputError(f"One sample has {size / 1e6:.0f} MB.", "Give smaller samples.")
    return np.frombuffer(source.read(size), dtype).reshape(shape[1:])
