"""Servers as people start them, until they are stopped or killed."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from support.paths import ROOT
from support.study_tools import wait_for


def free_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def answers(url: str) -> bool:
    """Whether a server is there and well."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):  # the latter: another's port, which speaks otherwise
        return False


@contextmanager
def serving(command: Sequence[str], url: str, log: Path) -> Iterator[None]:
    """A server of one's own, from when it answers; what it prints goes to a file."""
    with log.open("w") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        try:
            wait_for(lambda: answers(url))
            yield
        finally:
            process.terminate()


@dataclass
class Server:
    """The application as `python -m optim serve` runs it."""

    home: Path
    port: int
    options: dict[str, str] = field(default_factory=dict)
    """Settings of its own, by the names of their variables."""
    address: str = "localhost"
    prefix: tuple[str, ...] = ()
    """A command that runs the server's."""
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        own = {"OPTIM_HOME": str(self.home), "OPTIM_TRIAL_SECONDS": "0.1"}
        return {**os.environ, **own, **self.options}

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def start(self) -> None:
        command = [*self.prefix, sys.executable, "-m", "optim", "serve", "--port", str(self.port)]
        command += ["--address", self.address]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )
        wait_for(lambda: answers(f"{self.url}/healthz"))

    def kill(self) -> None:
        """As a power cut would."""
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(30)
        print(self.log.read_text())  # pytest shows it where the test has failed
