"""What became of every request of a load: raw, one row for each."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
OK = 200


@dataclass(frozen=True)
class Requests:
    """Arrays with one number for each request, in the order in which they were due.

    `latency_ms` counts from when a request was due, not from when it was sent: a generator or a
    client that waits for a slow answer hides nothing (coordinated omission). `late_ms` of it passed
    before the request was sent. The server tells the `_ms` of `decode`, `queue`, `batch`, `run` and
    of all it did (`server`), and the `rows` that ran together; 0 where a request was refused.
    """

    due_s: Numbers
    late_ms: Numbers
    latency_ms: Numbers
    status: Numbers
    decode_ms: Numbers
    queue_ms: Numbers
    batch_ms: Numbers
    run_ms: Numbers
    server_ms: Numbers
    rows: Numbers

    @property
    def count(self) -> int:
        """How many were issued."""
        return len(self.due_s)

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Which of them were answered."""
        found: NDArray[np.bool_] = self.status == OK
        return found

    @property
    def seconds(self) -> float:
        """From when the first was due until the last was over."""
        return float((self.due_s + self.latency_ms / 1e3).max()) if self.count else 0.0

    @property
    def waited_ms(self) -> Numbers:
        """Latencies; a request that was not answered has waited forever."""
        return np.where(self.answered, self.latency_ms, np.inf)

    def only_answered(self) -> Self:
        """Those that were answered."""
        kept = self.answered
        return replace(self, **{one.name: getattr(self, one.name)[kept] for one in fields(self)})

    def service_ms(self) -> dict[int, Numbers]:
        """Rows of a batch -> times of its runs in ms, once for each request that was in it."""
        done = self.only_answered()
        return {int(size): done.run_ms[done.rows == size] for size in np.unique(done.rows)}

    def save(self, path: Path) -> None:
        """Write all of it to a `.npz`."""
        np.savez_compressed(path, **{one.name: getattr(self, one.name) for one in fields(self)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            return cls(**{one.name: arrays[one.name] for one in fields(cls)})
