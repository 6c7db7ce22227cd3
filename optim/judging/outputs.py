"""What models answer to validation samples; the original's answers are computed once and kept."""

import hashlib
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

import numpy as np

from optim.arrays import Array
from optim.errors import OptimError, StepError
from optim.evalset import EvalSet
from optim.home import place
from optim.machine.environment import affinity
from optim.model import Model
from optim.names import legible
from optim.recipe import Recipe
from optim.runtimes.base import Runtime, Session
from optim.runtimes.support.ort_errors import reason

Outputs = dict[str, Array]

CHUNK = 256
_MAX_CHUNK_BYTES = 16 << 20  # so that those of 10,000 samples take 640 MB at most
_OPENED_ONCE_FROM = 500_000_000  # bytes of a model that is not held in memory several times
_MOST_AT_ONCE = 8  # samples that a session answers in one go
_SLOW_SECONDS = 0.05  # of one go, above which it does not get longer


def outputs_of(
    runtime: Runtime, path: Path, feeds: Sequence[dict[str, Array]]
) -> Iterator[Outputs]:
    """The outputs for each of `feeds`, in their order, from one session for every free core.

    An engine that runs one by one has one session, and this thread.

    Each session has the threads that the runtime says, so the outputs do not depend on how many
    there are. Raises StepError where the engine refuses the model, or fails on a sample.
    """
    several = path.stat().st_size < _OPENED_ONCE_FROM and not runtime.one_by_one
    count = max(1, len(affinity()) // runtime.threads) if several else 1
    sessions = [runtime.open(path) for _ in range(count)]
    for session in sessions:  # OpenVINO hangs where the first calls of all come from two threads
        _answers(session, feeds[:1])
    if count == 1:
        for place, sample in enumerate(feeds):
            yield from _answers(sessions[0], [sample], place)
        sessions[0].close()
        return
    done, size = 0, 1
    with ThreadPoolExecutor(count) as pool:
        while done < len(feeds):
            begun = time.monotonic()
            starts = [done + i * size for i in range(count)]
            parts = [feeds[start : start + size] for start in starts]
            for answers in pool.map(_answers, sessions, parts, starts):
                yield from answers
            done += count * size
            if time.monotonic() - begun < _SLOW_SECONDS:
                size = min(_MOST_AT_ONCE, 2 * size)
    for session in sessions:
        session.close()


def _answers(session: Session, feeds: Sequence[dict[str, Array]], first: int = 0) -> list[Outputs]:
    """The outputs for some samples, of which the first has this place. Raises StepError."""
    found: list[Outputs] = []
    try:
        found.extend(map(session.run, feeds))
    except OptimError:
        raise
    except Exception as error:  # engines' exceptions share no base class
        raise StepError(
            f"The engine fails on sample {first + len(found)} ({legible(reason(error), 300)}).",
            "Check what that sample holds: some models take only certain numbers, such as a size.",
        ) from None
    return found


def originals(
    original: Model, feeds: Sequence[dict[str, Array]], kept: Path, new: Path
) -> Generator[Outputs]:
    """The outputs for each of `feeds`, the first validation samples, on the one-thread baseline.

    Raises StepError where the original itself fails.

    Args:
        kept: the folder where those of the first ones may lie already.
        new: the folder where others are written, unless they are large or their shapes vary; when
            it is closed before the last one, those that there are.
    """
    names = [spec.name for spec in original.outputs]
    done = 0
    while done < len(feeds) and (part := _longest(kept, done)):
        rows = list(_read(part, names))
        yield from rows[: len(feeds) - done]
        done += len(rows)
    if done >= len(feeds):
        return
    chunk = _Chunk(done)
    try:
        for outputs in outputs_of(Recipe.baseline().runtime, original.path, feeds[done:]):
            chunk.add(outputs)
            yield outputs
            if chunk.count == CHUNK:
                chunk.write(new, names)
                chunk = _Chunk(chunk.end)
    finally:  # whoever asked may know enough
        chunk.write(new, names)


def originals_place(original: Model, evalset: EvalSet) -> Path:
    """The folder where the original's outputs are kept, in chunks of samples."""
    key = f"{original.digest} {evalset.digest} {version('onnxruntime')}"
    return place("outputs", hashlib.sha256(key.encode()).hexdigest())


def _longest(folder: Path, first: int) -> Path | None:
    """The file with the most outputs from this sample on: it ends where a judgement stopped."""
    found = folder.glob(f"{first}-*.npz")
    return max(found, key=lambda part: int(part.stem.split("-")[1]), default=None)


def _read(path: Path, names: Sequence[str]) -> Iterator[Outputs]:
    with np.load(path, allow_pickle=False) as stored:
        columns = [stored[f"output_{position}"] for position in range(len(names))]
    yield from (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))


class _Chunk:
    """Outputs on their way into a file, which is not written where they are large."""

    def __init__(self, first: int) -> None:
        self._first, self._size, self.count = first, 0, 0
        self._rows: list[Outputs] = []

    @property
    def end(self) -> int:
        """The place of the sample after the last."""
        return self._first + self.count

    def add(self, outputs: Outputs) -> None:
        """One sample's."""
        self.count += 1
        self._size += sum(array.nbytes for array in outputs.values())
        if self._size > _MAX_CHUNK_BYTES:
            self._rows.clear()
        else:
            self._rows.append(outputs)

    def write(self, folder: Path, names: Sequence[str]) -> None:
        """Into this folder, named by the places of the first and of the next one."""
        columns = [[np.asarray(row[name]) for row in self._rows] for name in names]
        alike = all(len({array.shape for array in column}) == 1 for column in columns)
        if alike and len(self._rows) == self.count:
            arrays = {f"output_{i}": np.stack(column) for i, column in enumerate(columns)}
            np.savez(folder / f"{self._first}-{self.end}.npz", allow_pickle=False, **arrays)
