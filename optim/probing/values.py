"""What a probe of the machine found: building blocks as each engine reaches them here."""

import math
from collections.abc import Iterable
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.findings import EVEN, Interval
from optim.part import Kind, Product

FP32 = "fp32"
Operation = Literal["conv 3x3", "conv 1x1", "depthwise 3x3", "matmul", "lstm", "memory", "empty"]
KINDS: dict[Operation, Kind] = {
    "conv 3x3": "conv",
    "conv 1x1": "conv",
    "depthwise 3x3": "depthwise",
    "matmul": "matmul",
    "lstm": "recurrent",
}
"""The kind of arithmetic that an operation stands for."""
Unit = Literal["GFLOP/s", "GB/s", "µs"]
_UNITS: dict[Operation, Unit] = {"memory": "GB/s", "empty": "µs"}
LATE = "The probe's time was over before it was tried."
_MOST_OF_CORES = 1.1  # times as fast for each core, noise included
_INT8 = ("u8s8", "dynamic")


class Row(BaseModel):
    """One building block on one runtime: what was timed, or the sentence why it was not.

    `rounds` are the median nanoseconds of one run, round by round, `reference` those of what it is
    compared with in the same rounds: the same in fp32 on ONNX Runtime with one thread; for several
    threads, the same on the same runtime with one. `work` is the floating-point operations of one
    run, for memory its bytes.
    """

    model_config = ConfigDict(frozen=True)

    runtime: str
    operation: Operation
    precision: str
    size: str
    threads: int = 1
    work: float = 0.0
    rounds: tuple[int, ...] = ()
    reference: tuple[int, ...] = ()
    lacks: str = ""

    @property
    def unit(self) -> Unit:
        """What `median` and the quartiles are in."""
        return _UNITS.get(self.operation, "GFLOP/s")

    @property
    def quartiles(self) -> tuple[float, float, float] | None:
        """Lower quartile, median and upper quartile over the rounds, in `unit`; None: not timed."""
        if not self.rounds:
            return None
        times = np.array(self.rounds)
        values = times / 1e3 if self.unit == "µs" else self.work / times
        low, median, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
        return low, median, high

    @property
    def gain(self) -> Interval | None:
        """Speed relative to the reference, paired by round, as of one process."""
        if not self.rounds or not self.reference:
            return None
        if self.rounds == self.reference:  # it is its own reference
            return EVEN
        # Statistics are no business of the child that times, which should start soon.
        from optim.timing.measurement import BASELINE, CANDIDATE, Measurement, Slice
        from optim.timing.stats import speedup_of

        arms = {
            CANDIDATE: [[time] for time in self.rounds],
            BASELINE: [[time] for time in self.reference],
        }
        taken = Slice(arms=arms, started_at="", load_average=0.0)
        return speedup_of(Measurement(slices=(taken,)))


class Probe(BaseModel):
    """What one machine's engines reach, when it was probed, and with which versions."""

    model_config = ConfigDict(frozen=True)

    date: str
    machine_id: str
    cpu: str
    cores: int
    versions: dict[str, str]
    rows: tuple[Row, ...]
    overflows: dict[str, tuple[Product, ...]]
    failed: dict[str, str] = {}
    """What could not be probed at all, with the sentence why."""
    seconds: float

    def gain(self, runtime: str, precision: str, kind: Kind) -> Interval | None:
        """Speed relative to fp32 on ONNX Runtime, one thread; None where it was not measured.

        The geometric mean over the kind's operations and sizes; so are the interval's ends, since
        what sets one process apart from another is common to all of them.

        Args:
            precision: fp32, bf16, fp16, dynamic (int8 with ranges measured while running), a
                product such as u8s8; int8 is u8s8, and dynamic where there is no u8s8.
        """
        wanted = _INT8 if precision == "int8" else (precision,)
        for one in wanted:
            found = (
                row.gain
                for row in self.rows
                if (row.runtime, row.precision, row.threads) == (runtime, one, 1)
                and KINDS.get(row.operation) == kind
            )
            if mean := _geometric_mean(gain for gain in found if gain):
                return mean
        return None

    def saturates(self, runtime: str) -> bool:
        """Whether products of unsigned by signed bytes overflow in a runtime."""
        return "u8s8" in self.overflows.get(runtime, ())

    def dispatch_us(self, runtime: str) -> float | None:
        """What a run with nothing in it takes, in microseconds; None where it was not measured."""
        for row in self.rows:
            if (row.runtime, row.operation, row.threads) == (runtime, "empty", 1) and row.quartiles:
                return row.quartiles[1]
        return None

    def threads_gain(self, runtime: str) -> Interval | None:
        """What all cores bring over one in fp32, over convolutions and matrix products.

        None also where that is more than there are cores: the machine was busy, and the one thread
        waited for others (4.7 was seen of two cores).
        """
        found = _geometric_mean(
            row.gain
            for row in self.rows
            if row.runtime == runtime and row.threads > 1 and row.precision == FP32 and row.gain
        )
        return found if found and found.value <= _MOST_OF_CORES * self.cores else None


def _geometric_mean(intervals: Iterable[Interval]) -> Interval | None:
    every = list(intervals)
    if not every:
        return None

    def mean(values: Iterable[float]) -> float:
        return math.exp(sum(map(math.log, values)) / len(every))

    return Interval(
        value=mean(one.value for one in every),
        low=mean(one.low for one in every),
        high=mean(one.high for one in every),
    )
