"""What engines that compile keep of a model: made once by a child, found by the next.

A folder for each engine with its settings, packages and machine, in it one for each model. A child
may write in those of the models it was given, and in no other: whatever a hostile one leaves there
meets nobody else's models.
"""

import atexit
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from optim import environments
from optim.home import disk_errors_told, place
from optim.machine.environment import machine_id

if TYPE_CHECKING:
    from optim.runtimes.base import Runtime

FOLDER = "compiled"
_MODEL = "model.onnx"
_SECONDS = "seconds"


def folders(engine: "Runtime", readable: Iterable[Path]) -> tuple[Path, ...]:
    """The parent's side: a place, made where there is none, for each of the folders of a model."""
    found = tuple(_place_of(engine, one) for one in readable if (one / _MODEL).exists())
    with disk_errors_told():
        for folder in found:
            folder.mkdir(parents=True, exist_ok=True)
    return found


def kept(engine: "Runtime", path: Path) -> Path:
    """The child's side: where the artefacts of the model at `path` go, or are already.

    For what is no stored model a folder that ends with this process.
    """
    folder = _place_of(engine, path.parent)
    return folder if folder.is_dir() else _for_now()


def _for_now() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="compiled-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def timed(folder: Path, compile_it: Callable[[], None]) -> float:
    """Run what compiles into a folder unless it has. Returns the seconds that it took then."""
    mark, start = folder / _SECONDS, time.perf_counter()
    if not mark.exists():
        compile_it()
        mark.write_text(f"{time.perf_counter() - start:.3f}")
    return float(mark.read_text())


def size_mb(name: str) -> float:
    """Megabytes that all settings of an engine keep."""
    return sum(map(environments.size_mb, _folders(name)))


def forget(name: str) -> float:
    """Remove all that an engine keeps. Returns the MB that it frees."""
    freed = size_mb(name)
    for folder in _folders(name):
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def _folders(name: str) -> list[Path]:
    return [one for one in place(FOLDER).glob(f"{name}-*") if one.name.rpartition("-")[0] == name]


def _place_of(engine: "Runtime", folder: Path) -> Path:
    key = json.dumps([engine.spelling, engine.version, engine.versions(), machine_id()])
    digest = hashlib.sha256(key.encode()).hexdigest()
    return place(FOLDER, f"{engine.name}-{digest[:16]}", folder.name)
