"""Limits of children: memory, time and number of processes, of one with its family and of all."""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from optim.errors import CrowdedError, StepError
from optim.sandbox.isolation import descendants
from optim.settings import settings

_PAGE = os.sysconf("SC_PAGE_SIZE")
_MOST_PROCESSES, _MOST_THREADS = 64, 2000
_MOST_FILES, MOST_WRITTEN_BYTES, _BLOCK = 100_000, 16 << 30, 512
_SHARE_OF_MEMORY = 0.75
_memory_mb: dict[int, float] = {}
"""Memory of the children under way, by process."""
_lock = threading.Lock()


@dataclass(frozen=True)
class Limits:
    """Bounds of one child: resident memory in MB, wall time in s."""

    memory_mb: int
    seconds: float

    @classmethod
    def default(cls) -> "Limits":
        """The limits from the settings."""
        return cls(settings().step_memory_mb, settings().step_seconds)


def check_size(pid: int, limits: Limits, where: str) -> None:
    """Raise StepError where a child and its descendants are too many, or take too much memory."""
    members = descendants(pid)
    if len(members) > _MOST_PROCESSES:
        raise StepError(
            f"It started {len(members)} processes and was stopped.", "Try another model.", where
        )
    family = members or [pid]  # with descendants it only waits for them
    threads = sum(map(_threads, family))
    if threads > _MOST_THREADS:
        raise StepError(
            f"It started {threads:,} threads and was stopped.", "Try another model.", where
        )
    used = sum(map(_resident_mb, family))
    if used > limits.memory_mb:  # what they share is counted once, which takes longer to tell
        used = sum(map(_own_mb, family))
    if used > limits.memory_mb:
        raise StepError(
            f"It used more than the limit of {limits.memory_mb} MB of memory and was stopped.",
            "Use a smaller model or raise OPTIM_STEP_MEMORY_MB.",
            where,
        )
    with _lock:
        _memory_mb[pid] = used
        together = sum(_memory_mb.values())
        largest = used == max(_memory_mb.values())
    if largest and together > _budget_mb():
        raise CrowdedError(
            f"All steps under way used {together:,.0f} MB of memory together, more than their "
            f"limit of {_budget_mb():,.0f} MB; this one used most and was stopped.",
            "Retry it when others have ended, or raise OPTIM_STEPS_MEMORY_MB.",
            where,
        )


def _budget_mb() -> float:
    return settings().steps_memory_mb or _SHARE_OF_MEMORY * psutil.virtual_memory().total / 1e6


def check_written(folders: Iterable[Path], where: str) -> None:
    """Raise StepError where a child has filled its folders beyond all use, and soon the disk."""
    used = files = 0
    for one in _within(folders):
        with suppress(OSError):  # it has just gone
            used, files = used + one.stat(follow_symlinks=False).st_blocks * _BLOCK, files + 1
        if used > MOST_WRITTEN_BYTES or files > _MOST_FILES:
            raise StepError(
                f"It wrote {used / 1e9:,.1f} GB in {files:,} files and was stopped.",
                "The model or the engine is at fault. Try another model or recipe.",
                where,
            )


def _within(folders: Iterable[Path]) -> Iterator["os.DirEntry[str]"]:
    left = [str(folder) for folder in folders]
    while left:
        with suppress(OSError), os.scandir(left.pop()) as entries:
            for entry in entries:
                yield entry
                if entry.is_dir(follow_symlinks=False):
                    left.append(entry.path)


def _threads(pid: int) -> int:
    with suppress(OSError):  # it has just ended
        return len([*Path(f"/proc/{pid}/task").iterdir()])
    return 0


def _resident_mb(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6
    except (OSError, IndexError):
        return 0.0  # it has just ended


def _own_mb(pid: int) -> float:
    """What a process has in memory, each page divided by how many share it."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024 / 1e6
    except OSError:  # it has just ended, or the kernel does not tell
        return _resident_mb(pid)


def forget(pid: int) -> None:
    """A child has ended: it uses no memory any more."""
    with _lock:
        _memory_mb.pop(pid, None)
