"""Make an environment: install its packages beside, see that they work, move them in place.

Wheels only, so that nothing of a package runs while it is installed. `uv` does it where it is
there, and where it fails (it reads no settings of pip's) pip does.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from optim.environments import Environment, Made, OnProgress, size_mb
from optim.environments.saying import refusal, unusable
from optim.errors import Cancelled
from optim.home.scratch import scratch

_POLL_SECONDS = 0.3
_UNPACKED = 1.4
"""MB that come and go beside each MB that stays: the wheels."""
_CHECK = "import sys; sys.path.insert(0, sys.argv[1]); [__import__(m) for m in sys.argv[2:]]"


def make(
    environment: Environment,
    on_progress: OnProgress = lambda text, share: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Made:
    """The environment, made unless it is there. Nothing is left of one that could not be made.

    Raises: StepError that says why it cannot be had (offline, no such wheel, a broken package),
        DiskError; Cancelled.
    """
    if there := environment.made:
        return there
    began = time.monotonic()
    with scratch("install") as folder:
        packages = folder / "packages"
        job = _Job(environment, folder, on_progress, cancelled)
        said = ""
        for command in _installers(packages, environment.pins):
            code, said = job.run(command, "installing")
            if not code:
                break
        else:
            raise refusal(environment.name, said)
        code, said = job.run(
            [sys.executable, "-P", "-c", _CHECK, str(packages), *environment.modules], "trying"
        )
        if code:
            raise unusable(environment.name, said)
        return environment.complete(packages, time.monotonic() - began)


def _installers(target: Path, pins: tuple[str, ...]) -> Iterator[list[str]]:
    """Commands that do the same, the quickest first."""
    wanted = ["--no-deps", "--only-binary", ":all:", "--target", str(target), *pins]
    if importlib.util.find_spec("uv"):
        yield [sys.executable, "-m", "uv", "pip", "install", "--no-cache", *wanted]
    quiet = ["--disable-pip-version-check", "--no-input", "--retries", "2", "--no-cache-dir"]
    yield [sys.executable, "-m", "pip", "install", *quiet, *wanted]


class _Job:
    """Commands that fill a folder, watched by how much there is in it."""

    def __init__(
        self,
        environment: Environment,
        folder: Path,
        on_progress: OnProgress,
        cancelled: Callable[[], bool],
    ) -> None:
        self._environment, self._folder = environment, folder
        self._on_progress, self._cancelled = on_progress, cancelled

    def run(self, command: list[str], doing: str) -> tuple[int, str]:
        """The exit code of a command and what it said. Nothing of it outlives this call."""
        log = self._folder / "log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd=self._folder,
                env={**os.environ, "TMPDIR": str(self._folder)},
            )
        try:
            while True:
                try:
                    return process.wait(_POLL_SECONDS), log.read_text(errors="replace")
                except subprocess.TimeoutExpired:
                    self._tell(doing)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _tell(self, doing: str) -> None:
        if self._cancelled():
            raise Cancelled("Cancelled.", "Nothing was installed.", self._environment.name)
        there, most = size_mb(self._folder), self._environment.megabytes
        share = there / (most * _UNPACKED) if most else 0.0
        text = (
            f"{doing} {self._environment.name}: {there:,.0f} MB so far, about {most:,.0f} MB in all"
        )
        self._on_progress(text, min(0.99, share))
