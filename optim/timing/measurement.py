"""What was measured: raw samples and where they came from, and the summary derived from them.

Only slices are stored; a Summary is computed afresh from them (see `stats`).
"""

import gzip
import zlib
from statistics import median
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, model_validator

from optim.errors import InputError, first_line
from optim.findings import Caution, Interval

CANDIDATE = "candidate"
BASELINE = "baseline"
SINGLE_THREAD = "single_thread"
MODEL_BYTES = "model_bytes"
"""In a slice's environment: the size of the original's file."""

Rounds = list[list[int]]
"""Nanoseconds of every run, one list per round."""


class Slice(BaseModel):
    """The timing done by one child process: interleaved rounds of every arm.

    `arms` maps an arm's name to its rounds; round i of every arm was timed within the same few
    hundred milliseconds. Load time, first run (ms) and peak memory (MB over the process before the
    model was opened, engine imported) are the candidate's alone, and None where it was not opened
    first. `contention` is the share of the time that this process was ready to run and others
    (processes, or the hypervisor's guests) had its cores.
    """

    model_config = ConfigDict(frozen=True)

    arms: dict[str, Rounds]
    load_ms: float | None = None
    first_run_ms: float | None = None
    peak_memory_mb: float | None = None
    started_at: str
    load_average: float
    contention: float = 0.0
    facts: dict[str, str] = {}
    environment: dict[str, str] = {}

    @property
    def machine(self) -> str:
        """Digest that tells machines apart; see `environment`."""
        return self.environment.get("machine_id", "")

    def block_medians(self, arm: str) -> NDArray[np.float64]:
        """Median run of each round of an arm in ms, [rounds]."""
        return np.array([median(block) for block in self.arms[arm]]) / 1e6


class Measurement(BaseModel):
    """The slices of one recipe on one machine. Slices of two machines are refused (InputError)."""

    model_config = ConfigDict(frozen=True)

    slices: tuple[Slice, ...] = ()

    @model_validator(mode="after")
    def _from_one_machine(self) -> Self:
        machines = sorted({piece.machine for piece in self.slices})
        if len(machines) > 1:
            raise InputError(
                f"These timings come from {len(machines)} different machines "
                f"({', '.join(machines)}).",
                "Measure again on one machine.",
                "measure",
            )
        return self

    def plus(self, piece: Slice) -> "Measurement":
        """This measurement with one more slice. Raises InputError for another machine's."""
        return Measurement(slices=(*self.slices, piece))

    def to_bytes(self) -> bytes:
        """Gzipped JSON, the same bytes for the same value."""
        return gzip.compress(self.model_dump_json().encode(), mtime=0)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read `to_bytes`'s form. Raises InputError where it is not one."""
        try:
            unpacked = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise _unreadable(error) from None
        return cls.from_json(unpacked)

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what `to_bytes` packs. Raises InputError where it is not that."""
        try:
            return cls.model_validate_json(text)
        except ValueError as error:
            raise _unreadable(error) from None


def _unreadable(error: Exception) -> InputError:
    return InputError(
        f"The stored timings cannot be read ({first_line(error)}).", "Measure again.", "measure"
    )


class Summary(BaseModel):
    """What the samples say. Milliseconds and MB; `speedup` is baseline over candidate.

    `gain` is the same against the baseline on one thread, whatever the recipe's thread count.
    `thread_gain` is one thread over this recipe's thread count, both on the baseline engine and
    the original model, None for one thread. `baseline_p50_ms` is `p50_ms` by the speed-up: a median
    of its own would contradict both on a noisy machine. `percentiles` holds only those that the
    sample supports. `slowed` is how many times as long as by itself the original took beside it,
    which the times are divided by (see `beside`). `provisional` means that fewer than three
    processes were timed.
    """

    model_config = ConfigDict(frozen=True)

    p50_ms: Interval
    percentiles: dict[str, Interval]
    throughput_per_s: float
    speedup: Interval
    gain: Interval
    thread_gain: Interval | None = None
    baseline_p50_ms: float
    slowed: float = 1.0
    load_ms: float | None = None
    first_run_ms: float | None = None
    peak_memory_mb: float | None = None
    compile_s: float | None = None
    """Seconds that the engine compiled the model, once; None where it does not."""
    runs: int
    processes: int
    provisional: bool
    contention: float = 0.0
    """Share of the time that other work took the cores; see `Slice`."""
    warnings: tuple[Caution, ...] = ()

    @property
    def pays_after_runs(self) -> Interval | None:
        """Runs after which compiling has paid, by what each run saves against the original.

        None where nothing is compiled, or no run is shown to be faster.
        """
        if self.compile_s is None or self.speedup.low <= 1:
            return None
        slow, fast = self.speedup.low, self.speedup.high
        return Interval(
            value=self._runs_paid(self.speedup.value),
            low=self._runs_paid(fast),
            high=self._runs_paid(slow),
        )

    def _runs_paid(self, speedup: float) -> float:
        saved_ms = self.baseline_p50_ms * (1 - 1 / speedup)
        return 1e3 * (self.compile_s or 0.0) / saved_ms
