"""Probe this machine: one child after the other, each alone on the machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from optim import sandbox
from optim.errors import StepError
from optim.home.scratch import scratch
from optim.machine.environment import cores_for, cpu_name, machine_id, usable_cores
from optim.machine.lock import machine_to_itself
from optim.probing.child import timed
from optim.probing.values import Probe, Row
from optim.runtimes.base import Runtime, all_runtimes, engine_versions
from optim.runtimes.support.overflow import overflows_here
from optim.sandbox import Limits
from optim.settings import settings

OnProgress = Callable[[str, float], None]
_SECONDS = 24.0
_MOST_SECONDS = 29.0  # by then a child is ended that did not keep its time
_ONE_CORE, _THREADED = 5, 2  # shares of the time


@dataclass(frozen=True)
class _Part:
    """What one child probes; `share` of the time, relative to the others'."""

    runtime: type[Runtime]
    threads: int

    @property
    def share(self) -> int:
        """With more threads few cases are tried."""
        return _ONE_CORE if self.threads == 1 else _THREADED

    @property
    def title(self) -> str:
        """What people are told."""
        cores = "one core" if self.threads == 1 else f"{self.threads} cores"
        return f"{self.runtime.title}, {cores}"


class _Clock:
    """The time of a probe, without what was spent waiting for the machine."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._start

    def leave_out(self, seconds: float) -> None:
        """These were spent waiting."""
        self._start += seconds


def probed(on_progress: OnProgress, cancelled: Callable[[], bool]) -> Probe:
    """What every installed runtime reaches on this machine. Raises Cancelled."""
    clock, parts = _Clock(), _parts()
    on_progress("products of bytes", 0.0)
    names = dict.fromkeys(part.runtime.name for part in parts)
    overflows = {name: tuple(sorted(overflows_here(name))) for name in names}
    rows: list[Row] = []
    failed: dict[str, str] = {}
    for number, part in enumerate(parts):
        asked = time.monotonic()
        on_progress("waiting until nothing else is timed", _share(clock))
        with machine_to_itself(cancelled):
            clock.leave_out(time.monotonic() - asked)
            told = _telling(part, clock, on_progress, cancelled)
            of_the_rest = part.share / sum(one.share for one in parts[number:])
            seconds = max(0.0, _SECONDS - clock.elapsed) * of_the_rest
            try:
                rows += _timed(part, seconds, _MOST_SECONDS - clock.elapsed, told)
            except StepError as error:
                failed[part.title] = error.what
    on_progress("done", 1.0)
    return Probe(
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        machine_id=machine_id(),
        cpu=cpu_name(),
        cores=usable_cores(),
        versions=engine_versions(),
        rows=tuple(rows),
        overflows=overflows,
        failed=failed,
        seconds=clock.elapsed,
    )


def _parts() -> list[_Part]:
    """Every installed runtime on one core, then on all, but those with a child of their own: they
    compile for longer than a probe takes."""
    known = all_runtimes().values()
    installed = [one for one in known if not one.missing() and not one().child]
    return [_Part(one, threads) for threads in sorted({1, usable_cores()}) for one in installed]


def _timed(part: _Part, seconds: float, most: float, cancelled: Callable[[], bool]) -> list[Row]:
    """The part's rows from a child that may take so many seconds, its start included.

    Raises: StepError, after `most` seconds at the latest; Cancelled.
    """
    sandbox.wait_until_warm()
    with scratch("probe") as folder:
        argument = {
            "runtime": part.runtime.name,
            "threads": part.threads,
            "deadline": time.monotonic() + seconds,
            "folder": str(folder),
        }
        found = part.runtime().call(
            timed,
            argument,
            where="probe",
            cpus=cores_for(part.threads),
            for_timing=True,
            files=sandbox.Files(writable=(folder,)),
            limits=Limits(settings().step_memory_mb, max(most, 1.0)),
            cancelled=cancelled,
        )
    return [Row.model_validate(row) for row in found]


def _telling(
    part: _Part, clock: _Clock, on_progress: OnProgress, cancelled: Callable[[], bool]
) -> Callable[[], bool]:
    """`cancelled`, which is polled, telling each time how far the probe is, by the clock."""

    def poll() -> bool:
        on_progress(part.title, _share(clock))
        return cancelled()

    return poll


def _share(clock: _Clock) -> float:
    return min(0.99, clock.elapsed / _SECONDS)
