"""Runs a compiled forest and the few operators around it.

Imports NumPy and nothing of this program: exported scripts hold this text as it is.
"""

import ctypes
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

PLAN, CONSTANTS, LIBRARY = "plan.json", "constants.npz", "forest.so"
_TYPES = (ctypes.c_void_p, ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def _join(*parts: np.ndarray, axis: int) -> np.ndarray:
    return np.concatenate(parts, axis)


def _reshape(x: np.ndarray, shape: np.ndarray, allowzero: int = 0) -> np.ndarray:
    kept = [x.shape[i] if not n and not allowzero else n for i, n in enumerate(shape.tolist())]
    return x.reshape(kept)


def _scale(x: np.ndarray, offset: float | list[float] = 0.0, scale: Any = 1.0) -> np.ndarray:
    ready = x.astype(np.float32, copy=False) - np.array(offset, np.float32)
    return np.asarray(ready * np.array(scale, np.float32))


AROUND: dict[str, Callable[..., np.ndarray]] = {
    "Add": np.add,
    "ArrayFeatureExtractor": lambda x, at: x[..., at.reshape(-1)],
    "Cast": lambda x, to: x.astype(to),
    "Concat": _join,
    "Flatten": lambda x, axis=1: x.reshape(int(np.prod(x.shape[:axis])), -1),
    "Gather": lambda x, at, axis=0: x.take(at, axis),
    "Identity": lambda x: x,
    "Mul": np.multiply,
    "Reshape": _reshape,
    "Scaler": _scale,
    "Sub": np.subtract,
}
"""Operators that stand around trees in what the usual converters write."""


def _trees(
    library: ctypes.CDLL, outputs: int, features: int, labels: list[int] | None
) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """What gives of rows of features the scores, behind the labels where those are asked for."""
    rows = library.rows
    rows.argtypes, rows.restype = _TYPES, None
    names = np.array(labels or [0], np.int64)

    def run(x: np.ndarray) -> tuple[np.ndarray, ...]:
        x = np.ascontiguousarray(x, np.float32)
        if x.ndim != 2 or x.shape[1] < features:  # compiled code reads on, whatever is there
            raise ValueError(f"the trees want {features} features, and got the shape {x.shape}")
        scores = np.empty((len(x), outputs), np.float32)
        at, to = x.__array_interface__["data"][0], scores.__array_interface__["data"][0]
        if labels is None:
            rows(at, *x.shape, to, None)
            return (scores,)
        best = np.empty(len(x), np.int64)
        rows(at, *x.shape, to, best.__array_interface__["data"][0])
        return names[best], scores

    return run


def opened(folder: Path) -> Callable[[Sequence[np.ndarray]], list[np.ndarray]]:
    """What runs the plan in a folder: arrays of all inputs in order -> of all outputs in order."""
    plan = json.loads((folder / PLAN).read_text())
    with np.load(folder / CONSTANTS) as kept:
        constants = dict(kept)
    trees = _trees(ctypes.CDLL(str(folder / LIBRARY)), **plan["trees"])
    steps = [
        (trees if op == "trees" else AROUND[op], reads, writes, settings)
        for op, reads, writes, settings in plan["steps"]
    ]
    inputs, outputs = plan["inputs"], plan["outputs"]

    def call(arrays: Sequence[np.ndarray]) -> list[np.ndarray]:
        there = {**constants, **dict(zip(inputs, arrays))}  # noqa: B905  # as the session checks
        for function, reads, writes, settings in steps:
            found = function(*[there[name] for name in reads], **settings)
            if isinstance(found, tuple):
                there.update(zip(reversed(writes), reversed(found)))  # noqa: B905
            else:
                there[writes[0]] = found
        return [there[name] for name in outputs]

    return call
