"""What must hold of every file, however spoiled: read off the process and its folders."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psutil

from fuzz.mutations import ESCAPED
from optim.errors import InputError, OptimError
from optim.settings import settings

_LONGEST_TEXT = 1200
_GRACE_SECONDS = 20  # to start a child, to end one, and where the machine is busy
_STEPS = 6  # that a bundle may take one after the other
_TRACES = re.compile(
    r"Traceback|  File \"|site-packages|0x[0-9a-f]{8}|\b[A-Z]\w*(?:Error|Exception)\b: |\x00"
)

Outcome = Literal["taken", "refused", "stopped"]


@dataclass(frozen=True)
class Verdict:
    """What came of a file. `wrong` says what must not have happened; empty if nothing."""

    outcome: Outcome
    seconds: float
    said: str = ""
    wrong: tuple[str, ...] = ()

    @classmethod
    def read(cls, record: dict[str, Any]) -> "Verdict":
        """As a journal has it."""
        return cls(**record | {"wrong": tuple(record["wrong"])})


def judged(opened: Callable[[Path], object], path: Path) -> Verdict:
    """Open a file as a person would, and look at what it did."""
    began, before = time.monotonic(), _descendants()
    outcome, said, wrong = "taken", "", []
    try:
        opened(path)
    except InputError as error:
        outcome, said = "refused", str(error)
    except OptimError as error:
        outcome, said = "stopped", str(error)
    except Exception as error:  # what a person would see as a traceback
        outcome, said = "stopped", repr(error)
        wrong.append(f"no sentence but {type(error).__name__}")
    seconds = time.monotonic() - began
    wrong += [*_of_text(said), *_left_files(path), *_left_processes(before)]
    if seconds > _STEPS * settings().step_seconds + _GRACE_SECONDS:
        wrong.append(f"it took {seconds:.0f} s")
    return Verdict(outcome, seconds, said, tuple(wrong))  # type: ignore[arg-type]


def _of_text(said: str) -> list[str]:
    found = []
    if trace := _TRACES.search(said):
        found.append(f"its sentence has {trace[0]!r} in it")
    if str(settings().home) in said:
        found.append("its sentence has a path of the server in it")
    if len(said) > _LONGEST_TEXT or "\n" in said.strip():
        found.append("its sentence is no sentence")
    return found


def _left_files(path: Path) -> list[str]:
    """Files beside the one that was opened, what steps left, and what got out of its folder."""
    home = settings().home
    scratch = home / "scratch"
    left = [f for f in path.parent.iterdir() if f != path]
    left += [f for f in scratch.glob("*") if f.is_dir()] if scratch.exists() else []
    escaped = [*home.parent.rglob(f"*{ESCAPED}*"), *Path("/tmp").glob(f"*{ESCAPED}*")]
    return [f"it left {f.name} in {f.parent.name}" for f in (*left, *escaped)]


def _descendants() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def _left_processes(before: set[int]) -> list[str]:
    """Children that go on, once they had a moment to end; those that wait for more may stay.

    What a child of before has started since, as a browser of the same tests does, is its own.
    """
    for _ in range(20):
        every = psutil.Process().children(recursive=True)
        left = [p for p in every if p.pid not in before and not _waits(p)]
        left = [p for p in left if not _is_anothers(p, before)]
        if not left:
            return []
        time.sleep(0.1)
    return [f"it left the process {' '.join(_command(p))[:80]!r}" for p in left]


def _is_anothers(process: psutil.Process, before: set[int]) -> bool:
    try:
        return any(one.pid in before and not _waits(one) for one in process.parents())
    except psutil.Error:
        return False  # it has just ended


def _waits(process: psutil.Process) -> bool:
    """Whether it is the server that forks children, or the one child that waits for a timing."""
    command = _command(process)
    waiting = command[-1:] == ["optim.sandbox.child"] and not process.children()
    return "forkserver" in " ".join(command) or waiting


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return ["forkserver"]  # it has just ended
