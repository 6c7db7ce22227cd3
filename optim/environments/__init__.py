"""Environments of parts: a folder with the packages of one part, which a child finds first.

A child that works for such a part is the program's own Python with this folder before its own
packages. So the limits and walls of children hold as ever, the child still has ONNX Runtime, and
what both need is there once. Folders are addressed by what is in them, lie in the home folder and
are shared by all who use that. See `making` for how one comes to be.
"""

import hashlib
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from optim.home import disk_errors_told, place
from optim.home.scratch import scratch

FOLDER = "environments"
_MARK = "made.json"
_SUPPOSED_MB_PER_SECOND = 8.0
"""Where nothing was installed here yet: unpacked, over a usual line."""
_LEAST_SECONDS = 5.0
_TELLING_MB = 50.0  # of less, the time is that of starting an installer

OnProgress = Callable[[str, float], None]
"""Told what is going on, and how far it is, from 0 to 1."""


class Made(BaseModel):
    """What is written down of an environment once it is complete."""

    pins: tuple[str, ...]
    megabytes: float
    seconds: float


@dataclass(frozen=True)
class Environment:
    """What a part needs.

    `pins`: every package with its version, whatever those need that the program has not included;
    nothing is looked up further. `modules` must be importable for it to be any good. `megabytes`:
    on disk, as measured when the versions were pinned.
    """

    name: str
    pins: tuple[str, ...]
    modules: tuple[str, ...] = ()
    megabytes: float = 0.0

    @property
    def folder(self) -> Path:
        """Where its packages lie, or would lie."""
        tag = f"{sys.implementation.cache_tag} {sysconfig.get_platform()}"
        key = hashlib.sha256(json.dumps([self.name, sorted(self.pins), tag]).encode()).hexdigest()
        return place(FOLDER, f"{self.name}-{key[:16]}")

    @property
    def made(self) -> Made | None:
        """What is known of it; None where it is not there, or not whole."""
        with suppress(OSError, ValueError):
            return Made.model_validate_json((self.folder / _MARK).read_bytes())
        return None

    @property
    def seconds(self) -> float:
        """How long making it will take, by what others took here: an estimate."""
        told = [one for one in _all_made() if one.megabytes > _TELLING_MB]
        most = max(told, key=lambda one: one.megabytes, default=None)
        rate = most.megabytes / most.seconds if most else _SUPPOSED_MB_PER_SECOND
        return max(_LEAST_SECONDS, self.megabytes / rate)

    def complete(self, folder: Path, seconds: float) -> Made:
        """Move a folder of packages to its place; from here on it is used."""
        made = Made(pins=self.pins, megabytes=size_mb(folder), seconds=seconds)
        with disk_errors_told():
            (folder / _MARK).write_text(made.model_dump_json())
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            if not self.made:  # else another process was quicker
                shutil.rmtree(self.folder, ignore_errors=True)
                folder.replace(self.folder)
        return made


def remove(name: str) -> float:
    """Remove every environment of this name, older ones included. Returns the MB that it frees."""
    freed = 0.0
    for path in _folders():
        if path.name.rpartition("-")[0] == name:
            freed += size_mb(path)
            with scratch("uninstall") as folder, disk_errors_told():
                path.replace(folder / "old")  # at once, so that no child starts with a half of it
    return freed


def size_mb(folder: Path) -> float:
    """Megabytes of all files in a folder; of one that changes meanwhile, about."""
    paths = (Path(at, name) for at, _, names in os.walk(folder) for name in names)
    return sum(map(_bytes, paths)) / 1e6


def _bytes(path: Path) -> int:
    with suppress(OSError):
        return path.lstat().st_size
    return 0


def _folders() -> Iterator[Path]:
    with suppress(OSError):
        yield from sorted(place(FOLDER).iterdir())


def _all_made() -> Iterator[Made]:
    for path in _folders():
        with suppress(OSError, ValueError):
            yield Made.model_validate_json((path / _MARK).read_bytes())
