"""Magika's file-type classifier over bytes (Fratantonio et al. 2024), as PyPI's magika ships it."""

import shutil
import sysconfig
from collections import Counter
from pathlib import Path

import numpy as np

from bench.zoo import data
from bench.zoo.base import SEED, Entry, model_file, write_evalset
from optim.arrays import Array

_PACKAGE = "magika==1.0.3"
_PART, _PADDING, _BLOCK = 1024, 256, 4096
_CALIBRATION, _VALIDATION, _OF_A_KIND = 150, 500, 60


def features(content: bytes) -> Array:
    """int32 [2048]: the first and the last 1024 bytes, white space around the file left out."""
    start = content[:_BLOCK].lstrip()[:_PART]
    end = content[-_BLOCK:].rstrip()[-_PART:]
    found = np.full(2 * _PART, _PADDING, np.int32)
    found[: len(start)] = list(start)
    found[2 * _PART - len(end) :] = list(end)
    return found


def _contents(count: int, rng: np.random.Generator) -> list[bytes]:
    """Files of this checkout and of what is installed with Python, at most 60 of a suffix."""
    roots = [Path(__file__).parents[2], Path(sysconfig.get_paths()["purelib"])]
    roots.append(Path(sysconfig.get_paths()["stdlib"]))
    paths = sorted({path for root in roots for path in root.rglob("*.*")})
    taken: Counter[str] = Counter()
    found: dict[bytes, None] = {}  # each once, and in their order
    for index in rng.permutation(len(paths)):
        path = paths[index]
        if taken[path.suffix] < _OF_A_KIND and path.is_file() and path.stat().st_size >= 16:
            taken[path.suffix] += 1
            found[path.read_bytes()] = None
        if len(found) == count:
            break
    return list(found)


def _make(cache: Path, folder: Path) -> None:
    package = data.wheel(cache, _PACKAGE)
    contents = _contents(_CALIBRATION + _VALIDATION, np.random.default_rng(SEED))
    rows = np.stack([features(content) for content in contents])
    write_evalset(folder, {"bytes": rows}, _CALIBRATION)
    shutil.copy(package / "magika/models/standard_v3_3/model.onnx", model_file(folder))


ENTRY = Entry(
    "magika",
    "Magika's classifier of files by their bytes, real weights; 500 files of this checkout and of "
    "Python's installation, unlabelled: the original's answers.",
    _make,
)
