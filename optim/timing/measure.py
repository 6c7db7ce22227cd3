"""One slice of timing: every arm in interleaved rounds, in a fresh pinned child process.

Timed is what a user's program does: one synchronous call with NumPy arrays, engine overhead and
output arrays included. Arms take turns in random order in blocks of some tens of milliseconds,
so that what disturbs the machine disturbs all arms alike; the first runs of a block, which find
the caches full of the other arm, are not kept.
"""

import gc
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from optim import sandbox
from optim.arrays import Feeds
from optim.evalset import EvalSet, evalset_from_digest
from optim.machine.environment import affinity, cores_for, environment
from optim.machine.lock import machine_to_itself
from optim.model import Model
from optim.recipe import Recipe
from optim.runtimes.base import Runtime, Session
from optim.timing.measurement import BASELINE, CANDIDATE, MODEL_BYTES, SINGLE_THREAD, Rounds, Slice

STEP = "measure"
_SAMPLES = 4  # inputs that the runs rotate over, the same for every arm
_WARM_SECONDS = 0.15
_BLOCK_SECONDS = 0.04
_MAX_KEPT = 200  # runs per block, so that tiny models do not fill the store
_LONG_BLOCK_SECONDS = 0.3  # a block of five slow runs may take this long
_COLD_MATTERS_BELOW = 0.1  # s per run: slower runs hardly feel a cold cache
_MIN_ROUNDS, _MAX_ROUNDS = 2, 40


def slice_of(
    optimized: Model,
    original: Model,
    recipe: Recipe,
    evalset: EvalSet,
    *,
    seconds: float,
    seed: int,
    solo: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Slice:
    """Time a recipe's optimized model against the original in a fresh child.

    Waits until no other timing runs on this machine, in this program or another.

    Args:
        seconds: how long to time; loading and warming up come on top.
        seed: order of the arms; another one for each slice of a trial.
        solo: open the candidate first and alone, to learn its load time and memory.

    Raises: StepError as the engine raised it; Cancelled.
    """
    cpus = cores_for(recipe.runtime.threads)
    argument = {
        "candidate": str(optimized.path),
        "runtime": recipe.runtime.spelling,
        "original": str(original.path),
        "evalset": evalset.digest,
        "seconds": seconds,
        "seed": seed,
        "solo": solo,
    }
    with machine_to_itself(cancelled):
        sandbox.wait_until_warm()
        answer = sandbox.call(
            take_slice,
            argument,
            where=STEP,
            cpus=cpus,
            for_timing=True,
            files=sandbox.Files(readable=(optimized.folder, original.folder, evalset.path)),
            cancelled=cancelled,
        )
    circumstances = {
        "pinned_to": " ".join(map(str, cpus)),
        MODEL_BYTES: str(original.size_bytes),
    }
    return Slice.model_validate({**answer, "environment": environment() | circumstances})


def take_slice(
    *,
    candidate: str,
    runtime: str,
    original: str,
    evalset: str,
    seconds: float,
    seed: int,
    solo: bool,
) -> dict[str, Any]:
    """The child's side of `slice_of`: a Slice as JSON, without the environment."""
    started_at, load_average = datetime.now(UTC).isoformat(), os.getloadavg()[0]
    engine = Recipe.parse(runtime).runtime
    samples = evalset_from_digest(evalset).feeds("validation", _SAMPLES)
    # Copied, since the stored rows are views at any alignment.
    feeds = [{name: np.array(value) for name, value in sample.items()} for sample in samples]
    chance = random.Random(seed)
    arms = [_Arm(name, *_what(name, engine, candidate, original), feeds) for name in _names(engine)]
    order = arms if solo else chance.sample(arms, len(arms))
    for arm in order:
        arm.open()
    rounds, contention = _timed(arms, seconds, chance)
    first = arms[0].opening if solo else None
    taken = Slice(
        arms=rounds,
        load_ms=first and first.load_ms,
        first_run_ms=first and first.first_run_ms,
        peak_memory_mb=first and first.peak_memory_mb,
        started_at=started_at,
        load_average=load_average,
        contention=contention,
        facts=arms[0].session.facts() | {"priority": _priority()},
    )
    return taken.model_dump(mode="json")


def _priority() -> str:
    """Whether this process goes before others on its cores."""
    return "raised" if os.getpriority(os.PRIO_PROCESS, 0) < 0 else "normal"


def _names(engine: Runtime) -> list[str]:
    return [CANDIDATE, BASELINE, *([SINGLE_THREAD] if engine.threads > 1 else [])]


def _what(arm: str, engine: Runtime, candidate: str, original: str) -> tuple[Runtime, Path]:
    """The engine and the model of an arm."""
    if arm == CANDIDATE:
        return engine, Path(candidate)
    threads = engine.threads if arm == BASELINE else 1
    return Recipe.baseline(threads).runtime, Path(original)


@dataclass(frozen=True)
class _Opening:
    load_ms: float
    first_run_ms: float
    peak_memory_mb: float


class _Arm:
    """One of the things timed side by side; `open` warms it up and sets the size of its blocks."""

    session: Session
    opening: _Opening

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
        self.opening = _Opening((loaded - start) * 1e3, (done - loaded) * 1e3, peak / 1e6)
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


def _timed(
    arms: list[_Arm], seconds: float, chance: random.Random
) -> tuple[dict[str, Rounds], float]:
    """Rounds of all arms in random order until the time is up, and the contention meanwhile."""
    rounds: dict[str, Rounds] = {arm.name: [] for arm in arms}
    gc.collect()
    gc.disable()
    start, waited = time.perf_counter(), _seconds_waited()
    for turn in range(_MAX_ROUNDS):
        if turn >= _MIN_ROUNDS and time.perf_counter() - start > seconds:
            break
        for arm in chance.sample(arms, len(arms)):
            rounds[arm.name].append(arm.block())
    share = (_seconds_waited() - waited) / (time.perf_counter() - start)
    gc.enable()
    return rounds, min(1.0, max(0.0, share))


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
