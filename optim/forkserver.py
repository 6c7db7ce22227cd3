"""Children forked from a process that has imported what they need: they start a second sooner.

The server is a process of its own, `python -m optim.forkserver`, that imports the libraries once,
parses nothing, and forks a child for every folder it is told of. It ends with its parent, and its
children with it.
"""

import contextlib
import gc
import importlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

REQUEST, RESULT, LOG = "request", "result", "log"
_STATUS = "status"
_IMPORTED = (
    "onnxruntime.quantization",
    "onnxslim",
    "openvino",
    "optim.build",
    "optim.evalset.npz",
    "optim.graph.analysis",
    "optim.ingest.child",
    "optim.quality",
)
_READY = b"ready\n"
_POLL_SECONDS = 0.01


class Forked:
    """A child of the server, with what is needed of `subprocess.Popen`."""

    def __init__(self, pid: int, folder: Path, server: "subprocess.Popen[bytes]") -> None:
        self.pid = pid
        self._status, self._server = folder / _STATUS, server

    @property
    def lost(self) -> bool:
        """Whether its server ended before it did, which ended it too."""
        return not self._status.exists() and self._server.poll() is not None

    def wait(self, timeout: float = float("inf")) -> int:
        """Its exit code, negative for a signal. Raises TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while not self._status.exists():
            if self.lost:
                return -signal.SIGKILL
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a forked child", timeout)
            time.sleep(_POLL_SECONDS)
        return int(self._status.read_text())


class ForkServer:
    """The server's side in the parent. Thread-safe."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._key = self._key_of(environment)
        self._lock, self._said = threading.Lock(), b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "optim.forkserver"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=environment,
            bufsize=0,
        )

    def serves(self, environment: dict[str, str]) -> bool:
        """Whether it lives, is this process's, and finds modules where this environment has them.

        Everything else of an environment is the request's to tell.
        """
        return self._process.poll() is None and self._key == self._key_of(environment)

    def ready(self, seconds: float = 0.0) -> bool:
        """Whether everything is imported; waits for it that long."""
        with self._lock:
            return self._ready(seconds)

    def fork(self, folder: Path) -> Forked | None:
        """A child that does the folder's request; None where the server is not ready or ends."""
        with self._lock, contextlib.suppress(OSError, ValueError):
            if self._ready(0.0):
                assert self._process.stdin and self._process.stdout
                self._process.stdin.write(f"{folder}\n".encode())
                return Forked(int(self._process.stdout.readline()), folder, self._process)
        return None

    def close(self) -> None:
        """End it and its children."""
        with self._process:  # not communicate(): a fork of this process may hold the pipes too
            self._process.kill()

    @staticmethod
    def _key_of(environment: dict[str, str]) -> tuple[int, str]:
        return os.getpid(), environment.get("PYTHONPATH", "")

    def _ready(self, seconds: float) -> bool:
        assert self._process.stdout
        if not self._said and select.select([self._process.stdout], [], [], seconds)[0]:
            self._said = self._process.stdout.readline()
        return self._said == _READY


def main() -> None:
    """Serve until the parent closes the pipe or ends."""
    for name in _IMPORTED:
        importlib.import_module(name)
    gc.freeze()
    sys.stdout.buffer.write(_READY)
    sys.stdout.flush()
    folders: dict[int, Path] = {}
    while True:
        if select.select([sys.stdin], [], [], _POLL_SECONDS if folders else None)[0]:
            line = sys.stdin.buffer.readline()
            if not line:
                return
            folder = Path(line.decode().removesuffix("\n"))
            pid = _fork(folder)
            folders[pid] = folder
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
        _reap(folders)


def _reap(folders: dict[int, Path]) -> None:
    """Write down how children have ended."""
    for pid, folder in list(folders.items()):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            del folders[pid]
            with contextlib.suppress(OSError):  # nobody waits for it any more
                written = folder / f"{_STATUS}.new"
                written.write_text(str(os.waitstatus_to_exitcode(status)))
                written.replace(folder / _STATUS)


def _fork(folder: Path) -> int:
    """The child's process id, once it has a session of its own and so can be killed as a group."""
    server = os.getpid()
    begun, begin = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _become_child(folder)
            os.close(begin)
            child = importlib.import_module("optim.child")
            child.main(str(folder / REQUEST), str(folder / RESULT), str(server))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(begin)
    os.read(begun, 1)
    os.close(begun)
    return pid


def _become_child(folder: Path) -> None:
    """A session, a folder, a log and random numbers of its own."""
    os.setsid()
    os.chdir(folder)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    importlib.import_module("random").seed()
    importlib.import_module("numpy").random.seed()


if __name__ == "__main__":
    main()
