"""The parent's side of the fork server: start it, ask it for children, wait for them."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from optim.sandbox.leavings import text_in

REQUEST, RESULT, LOG, STATUS = "request", "result", "log", "status"
"""Files of a child's folder."""
READY = b"ready\n"
POLL_SECONDS = 0.01
_TELLING_SECONDS = 2.0  # for its server, to write down how it has ended
_UNTOLD = 1
_LONGEST_CODE = 8


class Forked:
    """A child of the server, with what is needed of `subprocess.Popen`."""

    def __init__(self, pid: int, folder: Path, server: "subprocess.Popen[bytes]") -> None:
        self.pid = pid
        self._status, self._server = folder / STATUS, server
        self._gone = 0.0

    @property
    def lost(self) -> bool:
        """Whether its server ended before it did, which ended it too."""
        return not self._status.exists() and self._server.poll() is not None

    @property
    def _untold(self) -> bool:
        """Whether it has ended and how could not be written down, as on a disk that is full."""
        if Path(f"/proc/{self.pid}").exists():
            self._gone = 0.0
            return False
        self._gone = self._gone or time.monotonic()
        return time.monotonic() > self._gone + _TELLING_SECONDS

    def wait(self, timeout: float = float("inf")) -> int:
        """Its exit code, negative for a signal. Raises TimeoutExpired."""
        deadline = time.monotonic() + timeout
        while not self._status.exists():
            if self.lost:
                return -signal.SIGKILL
            if self._untold:
                return _UNTOLD
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a forked child", timeout)
            time.sleep(POLL_SECONDS)
        try:
            return int(text_in(self._status, _LONGEST_CODE))
        except ValueError:  # the child has written it itself
            return _UNTOLD


class ForkServer:
    """The server's side in the parent. Thread-safe."""

    def __init__(self, environment: dict[str, str], modules: Iterable[str]) -> None:
        """Start one that imports these modules before it forks anything."""
        self._key = self._key_of(environment)
        self._lock, self._said = threading.Lock(), b""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "optim.sandbox.forkserver", *modules],
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
        return self._said == READY
