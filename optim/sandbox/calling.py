"""Run a function of the library in a child process of its own with limits.

Whatever native code does to the child (crash, hang, exhaust memory) costs the parent one
`StepError`. Arguments and results are JSON; arrays travel as `.npz` files named in them. Nothing
is pickled, since a child that has parsed a hostile file is not trusted either.
"""

import contextlib
import errno
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from optim.errors import (
    Cancelled,
    DiskError,
    InputError,
    OptimError,
    StepError,
    disk_is_full,
    of_the_disk,
)
from optim.home import disk_errors_told
from optim.home.scratch import scratch
from optim.names import legible
from optim.sandbox.forking import LOG, REQUEST, RESULT, Forked, ForkServer
from optim.sandbox.isolation import NO_FILES, Files, end_descendants
from optim.sandbox.leavings import answer_in, last_line, own_folders, plain
from optim.sandbox.limits import Limits, check_size, check_written, forget
from optim.sandbox.waiting import Waiting
from optim.sandbox.walls import hidden, protections, told_environment

_logger = logging.getLogger(__name__)
_Child = subprocess.Popen[bytes] | Forked
_POLL_SECONDS, _LOOK_SECONDS = 0.05, 1.0
_LOG_LETTERS = 2000
_MOST_LOG_BYTES, _BLOCK = 64 << 20, 512
_LITTLE_SPACE_BYTES = 1 << 20
_IMPORT_SECONDS = 10.0
_servers: list[ForkServer] = []  # at most one
_waiting: list[Waiting] = []  # at most one
_servers_lock = threading.Lock()


class Named(str):
    """A function as `module:function`, where importing the module would burden the caller."""


Function = Callable[..., Any] | Named


def module_of(function: Function) -> str:
    """The module that a child imports for it."""
    return text_of(function).partition(":")[0]


def text_of(function: Function) -> str:
    """How a child is told of it."""
    if isinstance(function, Named):
        return function
    return f"{function.__module__}:{function.__qualname__}"


def warm(modules: Iterable[str]) -> None:
    """Begin to import what children need, so that those to come start sooner."""
    environment = told_environment()
    with _servers_lock:
        if not any(server.serves(environment) for server in _servers):
            while _servers:
                _servers.pop().close()
            _servers.append(ForkServer(environment, modules))
    _one_waits(environment)


def _one_waits(environment: dict[str, str]) -> None:
    """Have a child wait for the next timing."""
    with _servers_lock:
        if not any(child.serves(environment) for child in _waiting):
            while _waiting:
                _waiting.pop().close()
            _waiting.append(Waiting(environment))


def wait_until_warm() -> None:
    """Wait until what `warm` began is done, since it would disturb a timing."""
    for server in list(_servers):
        server.ready(_IMPORT_SECONDS)


def call(
    function: Function,
    argument: dict[str, Any],
    *,
    where: str,
    files: Files = NO_FILES,
    limits: Limits | None = None,
    cpus: Iterable[int] | None = None,
    for_timing: bool = False,
    cancelled: Callable[[], bool] = lambda: False,
) -> Any:
    """Call a function of a module with one JSON object in an isolated child of its own.

    Args:
        function: at the top of its module; it takes the argument as keyword arguments.
        where: what the user calls this, for errors.
        files: what it may read, besides the program and its libraries, and the folders that it may
            write in, besides one of its own for temporary files.
        limits: memory and time; the settings' by default.
        cpus: the cores that the child may use; all by default.
        for_timing: a child that began with nothing, with a memory layout of its own, not a fork;
            let it go before other processes, where the system allows that.
        cancelled: polled; true kills the child.

    Returns: what the function returned (JSON values).

    Raises: InputError or StepError as the child raised it; StepError for a crash, a hang or too
        much memory; Cancelled.
    """
    limits, environment = limits or Limits.default(), told_environment(files.site)
    with scratch("step") as folder:
        kept = own_folders((folder, *files.writable))
        request = {
            "function": text_of(function),
            "argument": argument,
            "cpus": sorted(cpus or ()),
            "urgent": for_timing,
            "environment": environment,
            "protections": [name for name, why in protections().items() if not why],
            "writable": [str(path) for path in (folder, *files.writable)],
            "readable": [str(path) for path in files.readable],
            "site": str(files.site or ""),
            "programs": files.programs,
            "hidden": [str(path) for path in hidden()],
        }
        with disk_errors_told():
            (folder / REQUEST).write_text(json.dumps(request))
        with plain(kept):
            begun = _waited(folder, environment) if for_timing else _forked(folder, environment)
            child = begun or _spawned(folder, environment)
            run = partial(_run, limits=limits, cancelled=cancelled, where=where, kept=kept)
            code = run(child)
            if for_timing and _servers:
                _one_waits(told_environment())
            if isinstance(child, Forked) and child.lost:  # no fault of the step's: once more
                code = run(_spawned(folder, environment))
        return _read(folder / RESULT, code, where, folder / LOG)


def _run(
    child: _Child, limits: Limits, cancelled: Callable[[], bool], where: str, kept: Sequence[Path]
) -> int:
    try:
        _watch(child, limits, cancelled, where, kept)
    finally:
        code = _kill(child)
        forget(child.pid)
    return code


def _forked(folder: Path, environment: dict[str, str]) -> Forked | None:
    serving = [server for server in _servers if server.serves(environment)]
    return serving[0].fork(folder) if serving else None


def _waited(folder: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes] | None":
    """The child that waits for a timing, if there is one for this environment."""
    with _servers_lock:
        serving = [child for child in _waiting if child.serves(environment)]
        _waiting[:] = [child for child in _waiting if child not in serving]
    return serving[0].begin(folder) if serving else None


def _spawned(folder: Path, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    paths = [str(folder / REQUEST), str(folder / RESULT)]
    with Path(folder, LOG).open("wb") as sink:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "optim.sandbox.child", *paths, str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=folder,
            env=environment,
        )


def _watch(
    child: _Child, limits: Limits, cancelled: Callable[[], bool], where: str, kept: Sequence[Path]
) -> None:
    """Args: kept: the folders that it may write in, its own first."""
    deadline = time.monotonic() + limits.seconds
    look = time.monotonic() + _LOOK_SECONDS
    while True:
        if cancelled():
            raise Cancelled("Cancelled.", "Retry it when you like.", where)
        try:
            child.wait(_POLL_SECONDS)
            return
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() > deadline:
            raise StepError(
                f"It took longer than the limit of {limits.seconds:.0f} s and was stopped.",
                "Use a smaller model or raise OPTIM_STEP_SECONDS.",
                where,
            )
        check_size(child.pid, limits, where)
        _check_log(kept[0] / LOG, where)
        if time.monotonic() > look:
            look = time.monotonic() + _LOOK_SECONDS
            check_written(kept, where)


def _check_log(log: Path, where: str) -> None:
    """Raise StepError where a child prints without end, which would fill the disk."""
    with contextlib.suppress(OSError):  # it has taken it away
        if log.lstat().st_blocks * _BLOCK > _MOST_LOG_BYTES:
            raise StepError(
                f"It printed more than {_MOST_LOG_BYTES >> 20} MB and was stopped.",
                "The model or the engine is at fault. Try another model or recipe.",
                where,
            )


def _kill(child: _Child) -> int:
    """Leave nothing of it behind. Returns its exit code."""
    if _is_running(child):
        end_descendants(child.pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    return child.wait()


def _is_running(child: _Child) -> bool:
    try:
        child.wait(0)
    except subprocess.TimeoutExpired:
        return True
    return False


def _read(result: Path, returncode: int, where: str, log: Path) -> Any:
    if returncode != 0 or not result.exists():
        raise _crash(returncode, where, log)
    answer = answer_in(result, where)
    if "error" not in answer:
        return answer["value"]
    kinds = {kind.__name__: kind for kind in (InputError, StepError, DiskError)}
    error = answer["error"]
    if "log" in answer:
        _logger.warning(
            "%s: %s", error["where"] or where, legible(str(answer["log"]), _LOG_LETTERS)
        )
    raise kinds.get(error["kind"], StepError)(
        error["what"], error["next_step"], error["where"] or where
    )


def _refused(said: str, folder: Path) -> DiskError | None:
    """What to say where a child could not write to its own folder, whose rights were taken."""
    codes = errno.EACCES, errno.EROFS
    code = next((code for code in codes if os.strerror(code) in said), None)
    return of_the_disk(OSError(code, "", str(folder))) if code and str(folder) in said else None


def _crash(returncode: int, where: str, log: Path) -> OptimError:
    if shutil.disk_usage(log.parent).free < _LITTLE_SPACE_BYTES:  # it could not even say so
        return disk_is_full(log.parent)
    said = last_line(log)
    if refused := _refused(said, log.parent):
        return refused
    if returncode == -signal.SIGKILL:
        how = "was killed by the system, most likely because the machine ran out of memory"
    elif returncode < 0:
        how = f"crashed in native code ({signal.Signals(-returncode).name})"
    else:
        how = f"ended with exit code {returncode} ({said[:300]})"
    return StepError(
        f"The child process that ran this step {how}.",
        "The model or the engine is at fault; every other result is intact. Try another recipe.",
        where,
    )
