"""One timing at a time per machine, whoever started it: timings beside each other lie."""

import fcntl
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from optim.errors import Cancelled

_LOCK_POLL_SECONDS = 0.1
_LONG_SECONDS = 5.0
_WAITS = "something else is timed on this machine, and this waits for it"
_logger = logging.getLogger(__name__)
_here = threading.local()


def lock_file() -> Path:
    """The file that whoever times something holds, in the folder for temporary files (TMPDIR)."""
    return Path(gettempdir(), "inference-explorer-timing.lock")


def waited() -> float:
    """Seconds that this thread has waited for others' timings, those of a wait under way too."""
    return float(getattr(_here, "waited", 0.0))


@contextmanager
def telling(say: Callable[[str], None]) -> Iterator[None]:
    """Within it, `say` is told why once this thread has waited long for others' timings, and
    an empty text once that is over."""
    _here.say = say
    try:
        yield
    finally:
        del _here.say


@contextmanager
def machine_to_itself(cancelled: Callable[[], bool]) -> Iterator[None]:
    """Wait until nothing else is timed on this machine, in this program or another; hold it so.

    The system frees it when this process ends, however it ends. Raises Cancelled.
    """
    try:
        lock = os.open(lock_file(), os.O_RDONLY)  # another user's file may be opened, not created
    except FileNotFoundError:
        lock = os.open(lock_file(), os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        _wait(lock, cancelled)
        yield
    finally:
        os.close(lock)


def _wait(lock: int, cancelled: Callable[[], bool]) -> None:
    before, began, told = waited(), time.monotonic(), False
    say: Callable[[str], None] | None = getattr(_here, "say", None)
    while not _locked(lock):
        if cancelled():
            raise Cancelled("Cancelled.", "Retry it when you like.")
        time.sleep(_LOCK_POLL_SECONDS)
        spent = time.monotonic() - began
        _here.waited = before + spent
        if spent > _LONG_SECONDS and not told:
            told = True
            (say or _logger.warning)(_WAITS)
    if told and say:
        say("")


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
