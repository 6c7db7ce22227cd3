"""Probe this machine: one child after the other, each alone on the machine."""

import time
from collections.abc import Callable, Sequence
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
_SECONDS = 18.0  # of timing, over all parts
_MOST_SECONDS = 29.0
_THREADED_SHARE = 0.25


@dataclass(frozen=True)
class _Part:
    """What one child probes, and the seconds that it may take."""

    runtime: type[Runtime]
    threads: int
    seconds: float

    @property
    def title(self) -> str:
        """What people are told."""
        cores = "one core" if self.threads == 1 else f"{self.threads} cores"
        return f"{self.runtime.title}, {cores}"


def probed(on_progress: OnProgress, cancelled: Callable[[], bool]) -> Probe:
    """What every installed runtime reaches on this machine. Raises Cancelled."""
    started, waited = time.monotonic(), 0.0
    installed = [one for one in all_runtimes().values() if not one.missing()]
    parts, rows, failed = _parts(installed), [], {}
    overflows = {one.name: tuple(sorted(overflows_here(one.name))) for one in installed}
    for number, part in enumerate(parts):
        asked = time.monotonic()
        with machine_to_itself(cancelled):
            waited += time.monotonic() - asked
            left = _MOST_SECONDS - (time.monotonic() - started - waited)
            told = _watching(part, number / len(parts), len(parts), on_progress, cancelled)
            try:
                rows += _timed(part, left, told)
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
        seconds=time.monotonic() - started - waited,
    )


def _parts(installed: Sequence[type[Runtime]]) -> list[_Part]:
    cores, share = usable_cores(), _SECONDS / len(installed)
    if cores == 1:
        return [_Part(one, 1, share) for one in installed]
    threaded = share * _THREADED_SHARE
    return [
        *(_Part(one, 1, share - threaded) for one in installed),
        *(_Part(one, cores, threaded) for one in installed),
    ]


def _timed(part: _Part, left: float, cancelled: Callable[[], bool]) -> list[Row]:
    """The part's rows from a child. Raises StepError; Cancelled."""
    sandbox.wait_until_warm()
    with scratch("probe") as folder:
        argument = {
            "runtime": part.runtime.name,
            "threads": part.threads,
            "seconds": min(part.seconds, left),
            "folder": str(folder),
        }
        found = sandbox.call(
            timed,
            argument,
            where="probe",
            cpus=cores_for(part.threads),
            for_timing=True,
            files=sandbox.Files(writable=(folder,)),
            limits=Limits(settings().step_memory_mb, max(left, 1.0)),
            cancelled=cancelled,
        )
    return [Row.model_validate(row) for row in found]


def _watching(
    part: _Part, done: float, parts: int, on_progress: OnProgress, cancelled: Callable[[], bool]
) -> Callable[[], bool]:
    """`cancelled`, which is polled, telling how far the part is on its way by the clock."""
    started = time.monotonic()

    def poll() -> bool:
        share = min(1.0, (time.monotonic() - started) / part.seconds)
        on_progress(part.title, done + share / parts)
        return cancelled()

    return poll
