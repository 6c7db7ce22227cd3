"""Entry point of a sandboxed child: `python -m optim.sandbox.child REQUEST RESULT PARENT_PID`.

Without arguments it waits for a line on its standard input: the folder with its request.
"""

import contextlib
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from optim.errors import DiskError, InputError, OptimError, StepError, of_the_disk, one_line
from optim.machine.environment import affinity
from optim.sandbox import kernel
from optim.sandbox.forking import LOG, REQUEST, RESULT
from optim.sandbox.isolation import Files, isolate
from optim.sandbox.limits import MOST_WRITTEN_BYTES
from optim.settings import settings

_AUTOGROUP = Path("/proc/self/autogroup")
_HIGHEST_PRIORITY = -20
_FRAMES = 4


def main(request_path: str, result_path: str, parent: str) -> None:
    """Do what the request says and write the result or the error beside it."""
    _confine(int(parent))
    request = json.loads(Path(request_path).read_text())
    os.environ.clear()
    os.environ.update(request["environment"])
    settings.cache_clear()
    tempfile.tempdir = str(Path(request_path).parent)  # goes when the step has ended
    os.environ["TMPDIR"] = tempfile.tempdir  # where native code looks
    if request["cpus"]:
        os.sched_setaffinity(0, request["cpus"])
    if request["urgent"] and len(affinity()) < (os.cpu_count() or 1):
        _go_before_others()
    writable, readable = (tuple(map(Path, request[kind])) for kind in ("writable", "readable"))
    site = Path(request["site"]) if request["site"] else None
    hidden = tuple(map(Path, request["hidden"]))
    files = Files(writable, readable, site, request["programs"], hidden)
    isolate(request["protections"], files)
    Path(result_path).write_text(json.dumps(_answer(request["function"], request["argument"])))


def _confine(parent: int) -> None:
    """Die with the parent, and before it where memory runs out; leave no core, fill no disk."""
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent is gone")
    with contextlib.suppress(OSError):  # not on every system
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN_BYTES, MOST_WRITTEN_BYTES))


def _go_before_others() -> None:
    """Where the system lets us, and a core stays free: else the page would wait for this process.

    Linux weighs sessions before processes (sched(7), autogroup), so nice alone would do nothing.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _HIGHEST_PRIORITY)
        if _AUTOGROUP.exists():
            _AUTOGROUP.write_text(str(_HIGHEST_PRIORITY))


def _answer(function: str, argument: dict[str, Any]) -> dict[str, Any]:
    module, _, name = function.partition(":")
    try:
        return {"value": getattr(importlib.import_module(module), name)(**argument)}
    except OptimError as error:
        kind = "InputError" if isinstance(error, InputError) else "StepError"
        said = {"log": _told(error.__cause__)} if error.__cause__ else {}
        return _error(kind, error.what, error.next_step, error.where) | said
    except MemoryError:
        return _error("StepError", "It ran out of memory.", "Use a smaller model.", "")
    except Exception as error:
        if told := of_the_disk(error):
            return _error(DiskError.__name__, told.what, told.next_step, "")
        kind = type(error).__name__
        what = f"A library failed in a way that this program does not know ({kind})."
        next_step = "Try another setting or recipe for this model; the log has what it said."
        return _error(StepError.__name__, what, next_step, "") | {"log": _told(error)}


def _told(error: BaseException) -> str:
    """A library's own words, and where it said them: for whoever runs this, not for who uses it."""
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in reversed(frames))
    return f"{type(error).__name__}: {one_line(error)} ({where})"


def _error(kind: str, what: str, next_step: str, where: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "what": what, "next_step": next_step, "where": where}}


def wait() -> None:
    """Wait for a folder, then do what its request says; end where the parent ends before."""
    line = sys.stdin.buffer.readline()
    if line:
        folder = Path(line.decode().removesuffix("\n"))
        settle(folder)
        main(str(folder / REQUEST), str(folder / RESULT), str(os.getppid()))


def settle(folder: Path) -> None:
    """Work in a folder and write the log there."""
    os.chdir(folder)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)


if __name__ == "__main__":
    main(*sys.argv[1:]) if sys.argv[1:] else wait()
