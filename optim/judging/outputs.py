"""What models answer to validation samples; the original's answers are computed once and kept."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np

from optim.arrays import Array
from optim.evalset import EvalSet
from optim.home import place, written
from optim.machine.environment import affinity
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import Runtime, Session

Outputs = dict[str, Array]

_MAX_BYTES = 256 << 20
_OPENED_ONCE_FROM = 500_000_000  # bytes of a model that is not held in memory several times
_MOST_AT_ONCE = 8  # samples that a session answers in one go
_SLOW_SECONDS = 0.05  # of one go, above which it does not get longer


def outputs_of(
    runtime: Runtime, path: Path, feeds: Sequence[dict[str, Array]]
) -> Iterator[Outputs]:
    """The outputs for each of `feeds`, in their order, from one session for every free core.

    Each session has the threads that the runtime says, so the outputs do not depend on how many
    there are. Raises StepError where the engine refuses the model.
    """
    small = path.stat().st_size < _OPENED_ONCE_FROM
    count = max(1, len(affinity()) // runtime.threads) if small else 1
    sessions = [runtime.open(path) for _ in range(count)]
    for session in sessions:
        session.run(feeds[0])  # OpenVINO hangs where the first calls of all come from two threads
    done, size = 0, 1
    with ThreadPoolExecutor(count) as pool:
        while done < len(feeds):
            begun = time.monotonic()
            parts = [feeds[done + i * size : done + (i + 1) * size] for i in range(count)]
            for answers in pool.map(_answers, sessions, parts):
                yield from answers
            done += count * size
            if time.monotonic() - begun < _SLOW_SECONDS:
                size = min(_MOST_AT_ONCE, 2 * size)
    for session in sessions:
        session.close()


def _answers(session: Session, feeds: Sequence[dict[str, Array]]) -> list[Outputs]:
    return [session.run(sample) for sample in feeds]


def originals(
    original: Model, evalset: EvalSet, feeds: Sequence[dict[str, Array]]
) -> Iterator[Outputs]:
    """The outputs for each of `feeds`, the first validation samples, on the one-thread baseline.

    Kept on disk under the model, the EvalSet, the number of samples and the engine's version
    unless they are large. Raises StepError where the original itself fails.
    """
    path = _path(original, evalset, len(feeds))
    names = [spec.name for spec in original.outputs]
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            columns = [stored[f"output_{position}"] for position in range(len(names))]
        yield from (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
        return
    kept: list[Outputs] = []
    size = 0
    for outputs in outputs_of(Recipe.baseline().runtime, original.path, feeds):
        size += sum(array.nbytes for array in outputs.values())
        if size <= _MAX_BYTES:
            kept.append(outputs)
        yield outputs
    if size <= _MAX_BYTES:
        _keep(path, names, kept)


def _path(original: Model, evalset: EvalSet, count: int) -> Path:
    key = f"{original.digest} {evalset.digest} {count} {version('onnxruntime')}"
    name = hashlib.sha256(key.encode()).hexdigest()
    return place("outputs", f"{name}.npz")


def _keep(path: Path, names: Sequence[str], rows: list[Outputs]) -> None:
    """Store stacked outputs, atomically; outputs whose shape varies are not kept."""
    columns = [[np.asarray(row[name]) for row in rows] for name in names]
    if any(len({array.shape for array in column}) > 1 for column in columns):
        return
    arrays = {f"output_{i}": np.stack(column) for i, column in enumerate(columns)}
    with written(path) as new, new.open("wb") as sink:
        np.savez(sink, allow_pickle=False, **arrays)
