"""Arms: what is timed side by side in one process, in interleaved rounds.

Timed is what a user's program does: one synchronous call with NumPy arrays, engine overhead and
output arrays included. Arms take turns in random order in blocks of some tens of milliseconds,
so that what disturbs the machine disturbs all arms alike; the first runs of a block, which find
the caches full of the other arm, are not kept.
"""

import gc
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from statistics import median

import psutil

from optim.arrays import Feeds
from optim.machine.environment import affinity
from optim.runtimes.base import Runtime, Session
from optim.timing.measurement import BASELINE, SINGLE_THREAD, Rounds

_WARM_SECONDS = 0.15
_BLOCK_SECONDS = 0.04
_MAX_KEPT = 200  # runs per block, so that tiny models do not fill the store
_LONG_BLOCK_SECONDS = 0.3  # a block of five slow runs may take this long
_COLD_MATTERS_BELOW = 0.1  # s per run: slower runs hardly feel a cold cache
_MIN_ROUNDS, _MAX_ROUNDS = 2, 40
_FEWEST_TO_BEAT, _BEATEN = 3, 1.25


@dataclass(frozen=True)
class Opening:
    """What it took to open a model: ms to load and for the first run, MB at the peak."""

    load_ms: float
    first_run_ms: float
    peak_memory_mb: float


class Arm:
    """One of the things timed side by side; `open` warms it up and sets the size of its blocks."""

    session: Session
    opening: Opening

    def __init__(self, name: str, engine: Runtime, path: Path, feeds: Sequence[Feeds]) -> None:
        self.name, self._engine, self._path, self._feeds = name, engine, path, feeds

    def open(self) -> None:
        """Load the model, run it until it is warm, and plan its blocks."""
        for package in self._engine.packages:
            import_module(package)  # a cost of the program, not of loading a model
        _forget_peak()
        before = psutil.Process().memory_info().rss
        start = time.perf_counter()
        self.session = self._engine.open(self._path)
        loaded = time.perf_counter()
        self._calls = [self.session.bind(sample) for sample in self._feeds]
        self._calls[0]()
        done = time.perf_counter()
        run_seconds = self._warm_up()
        peak = max(0, _peak_bytes() - before)
        self.opening = Opening((loaded - start) * 1e3, (done - loaded) * 1e3, peak / 1e6)
        self._kept, self._dropped = plan_block(run_seconds)

    def _warm_up(self) -> float:
        """Run for a while; returns the median seconds of a run."""
        times: list[int] = []
        while sum(times) < _WARM_SECONDS * 1e9:
            times += self._block(0, 1)
        return median(times) / 1e9

    def block(self) -> list[int]:
        """Nanoseconds of the runs of one block."""
        return self._block(self._dropped, self._kept)

    def _block(self, dropped: int, kept: int) -> list[int]:
        calls, clock, times = self._calls, time.perf_counter_ns, []
        for turn in range(dropped):
            calls[turn % len(calls)]()
        for turn in range(kept):
            call = calls[turn % len(calls)]
            start = clock()
            call()
            times.append(clock() - start)
        return times


def plan_block(run_seconds: float) -> tuple[int, int]:
    """Runs of a block that are kept, and runs dropped before them.

    A block takes about 40 ms and five runs at least, unless that would take very long. Of tiny
    models only 200 runs are kept, after enough dropped ones to spread the rounds over time.
    """
    fewest = max(1, min(5, int(_LONG_BLOCK_SECONDS / run_seconds) - 1))  # one more is dropped
    kept = max(fewest, min(_MAX_KEPT, int(_BLOCK_SECONDS / run_seconds)))
    if run_seconds > _COLD_MATTERS_BELOW:
        return kept, 0
    return kept, max(1, kept // 10, int(_BLOCK_SECONDS / 2 / run_seconds) - kept)


def timed(
    arms: Sequence[Arm], seconds: float, chance: random.Random, *, race: bool = False
) -> tuple[dict[str, Rounds], float]:
    """Rounds of all arms in random order until the time is up, and the contention meanwhile.

    In a race those that are clearly beaten have fewer rounds than the others.
    """
    rounds: dict[str, Rounds] = {arm.name: [] for arm in arms}
    gc.collect()
    gc.disable()
    start, waited = time.perf_counter(), _seconds_waited()
    for turn in range(_MAX_ROUNDS):
        if turn >= _MIN_ROUNDS and time.perf_counter() - start > seconds:
            break
        beaten = beaten_in(rounds) if race else set()
        for arm in chance.sample(arms, len(arms)):
            if arm.name not in beaten:
                rounds[arm.name].append(arm.block())
    share = (_seconds_waited() - waited) / (time.perf_counter() - start)
    gc.enable()
    return rounds, min(1.0, max(0.0, share))


def beaten_in(rounds: Mapping[str, Rounds]) -> set[str]:
    """Arms that need no further round: slower than one other by a quarter in every round so far.

    Three rounds at least are asked for. Whom the others are compared with is always timed on.
    """
    always = {BASELINE, SINGLE_THREAD}
    racing = {name: [median(block) for block in kept] for name, kept in rounds.items()}
    longest = max(map(len, racing.values()))
    if longest < _FEWEST_TO_BEAT:
        return set()
    leaders = [times for times in racing.values() if len(times) == longest]
    lead = min(leaders, key=median)
    return {
        name
        for name, times in racing.items()
        if name not in always and all(t > _BEATEN * b for t, b in zip(times, lead, strict=False))
    }


def _seconds_waited() -> float:
    """How long this thread was ready to run but did not, and its cores' time that was stolen.

    From the scheduler's run delay and the steal time per core (Linux, proc(5)); 0 where unknown.
    """
    try:
        delay = int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        delay = 0.0
    cores, here = psutil.cpu_times(percpu=True), affinity()
    stolen = [getattr(cores[cpu], "steal", 0.0) for cpu in here if cpu < len(cores)]
    return delay + sum(stolen) / max(1, len(stolen))


def _forget_peak() -> None:
    """Reset the peak of resident memory to the present one (Linux: `5` to clear_refs, proc(5))."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # not permitted: the peak stays that of the whole process


def _peak_bytes() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return psutil.Process().memory_info().rss
