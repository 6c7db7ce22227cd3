"""Removing folders that a hostile program has filled: too deep for a stack, or closed to us."""

import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove a folder with all that is in it; what cannot be removed stays, without an error."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.is_dir():
        _flatten(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _flatten(folder: Path) -> None:
    """Open every folder below and move it to the top: no path is too long, no stack too deep."""
    left = [*_folders_in(folder)]
    while left:
        for inner in _folders_in(left.pop()):
            top = folder / uuid.uuid4().hex
            with suppress(OSError):
                inner.rename(top)
                left.append(top)


def _folders_in(folder: Path) -> Iterator[Path]:
    """The folders in one that may be written and listed from now on; none where that fails."""
    with suppress(OSError):
        folder.chmod(stat.S_IRWXU)
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                Path(entry).chmod(stat.S_IRWXU)
                yield Path(entry)
