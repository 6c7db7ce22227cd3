"""Temporary folders that do not outlive who made them, however that ends."""

import fcntl
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from optim.home import disk_errors_told, place
from optim.home.removing import remove_tree

_LOCK = ".lock"


@contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """A new folder in the home folder, removed afterwards; so is what killed processes left.

    Beside each folder is a file that its maker holds a lock on; the kernel lets go of it.
    """
    parent = place("scratch")
    folder = parent / f"{purpose}-{uuid.uuid4().hex[:12]}"
    with disk_errors_told():
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        lock = folder.with_suffix(_LOCK).open("wb")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with disk_errors_told():
                folder.mkdir()
            yield folder
        finally:
            _remove(folder)


def _sweep(parent: Path) -> None:
    for path in parent.glob(f"*{_LOCK}"):
        try:
            with path.open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(path.with_suffix(""))
        except OSError:  # held by who works there, or just removed by another
            continue


def _remove(folder: Path) -> None:
    remove_tree(folder)
    with suppress(OSError):  # nothing can be removed now; who comes next sweeps
        folder.with_suffix(_LOCK).unlink()
