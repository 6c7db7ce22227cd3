"""The home folder: the one door through which anything is kept in it or looked up there."""

import hashlib
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from optim.errors import DiskError, of_the_disk
from optim.settings import settings

M = TypeVar("M", bound=BaseModel)
_ENOUGH_BYTES = 1 << 20


def place(*names: str) -> Path:
    """Where something lies, or would lie, in the home folder."""
    return settings().home.joinpath(*names)


@contextmanager
def disk_errors_told() -> Iterator[None]:
    """Errors of a disk that is full or may not be written to become sentences (OptimError)."""
    try:
        yield
    except OSError as error:
        told = of_the_disk(error)
        if told is None:
            raise
        raise told from error


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Where to write a file or a folder that then appears at `path` complete, or not at all.

    A file replaces an older one. A folder that another process has written meanwhile stays.
    """
    new = path.with_name(f"new-{uuid.uuid4().hex[:12]}")
    try:
        with disk_errors_told():
            path.parent.mkdir(parents=True, exist_ok=True)
            yield new
            if not (new.is_dir() and path.exists()):
                new.replace(path)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        with suppress(OSError):
            new.unlink()


def unwritable() -> DiskError | None:
    """What keeps this program from writing in the home folder now; None where nothing does."""
    tried = place("scratch", f"tried-{uuid.uuid4().hex[:12]}")
    try:
        with written(tried) as new:
            new.write_bytes(bytes(_ENOUGH_BYTES))
        tried.unlink()
    except (OSError, DiskError) as error:
        return error if isinstance(error, DiskError) else of_the_disk(error)
    return None


def kept(kind: type[M], folder: str, key: str, make: Callable[[], M], *, afresh: bool = False) -> M:
    """A value that is made once and kept as JSON; made again where what is kept cannot be read.

    Args:
        folder: of the home folder, one for each kind of value.
        key: text that says everything the value depends on.
        afresh: make it even if it is kept.
    """
    if not afresh and (old := kept_already(kind, folder, key)):
        return old
    found = make()
    with written(_place_of(folder, key)) as new:
        new.write_text(found.model_dump_json(), encoding="utf-8")
    return found


def kept_already(kind: type[M], folder: str, key: str) -> M | None:
    """What `kept` has made before under this key; None where there is nothing that can be read."""
    with suppress(OSError, ValueError):
        return kind.model_validate_json(_place_of(folder, key).read_bytes())
    return None


def _place_of(folder: str, key: str) -> Path:
    return place(folder, f"{hashlib.sha256(key.encode()).hexdigest()}.json")
