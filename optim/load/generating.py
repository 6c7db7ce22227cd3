"""The load generator from outside: started once for a server, asked for load after load."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from optim.errors import Cancelled, StepError
from optim.load.requests import Requests
from optim.load.scenario import Load
from optim.sandbox.walls import told_environment
from optim.serving.settings import Serving

_WHERE = "load"
_PATIENCE_S = 60.0
_LOOK_S = 0.1


@dataclass(frozen=True)
class Target:
    """Whom to ask, and what."""

    serving: Serving
    place: str
    model: str
    inputs: tuple[str, ...]
    samples: Path


@dataclass
class Generator:
    """A process that issues loads."""

    process: "subprocess.Popen[str]"
    folder: Path
    cancelled: Callable[[], bool]

    def issue(self, target: Target, load: Load) -> tuple[Requests, dict[str, Any]]:
        """What became of each request, and what the generator says of itself.

        Raises StepError where it fails, Cancelled.
        """
        out = self.folder / "requests.npz"
        asked = {
            "serving": str(target.serving),
            "place": target.place,
            "model": target.model,
            "inputs": target.inputs,
            "samples": str(target.samples),
            "load": load.model_dump(),
            "out": str(out),
        }
        limit = (load.schedule()[-1] if load.times else load.seconds) + _PATIENCE_S
        answer = self._asked(json.dumps(asked), limit)
        return Requests.load(out), answer

    def _asked(self, line: str, limit: float) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        answers: list[str] = []
        try:
            print(line, file=self.process.stdin, flush=True)
        except OSError:
            raise self._broken() from None
        reading = threading.Thread(target=_read, args=(self.process.stdout, answers), daemon=True)
        reading.start()
        left = limit
        while reading.is_alive() and left > 0:
            if self.cancelled():
                raise Cancelled("Cancelled.", "Start it again when you like.", _WHERE)
            reading.join(_LOOK_S)
            left -= _LOOK_S
        if not answers or not answers[0]:
            raise self._broken()
        found: dict[str, Any] = json.loads(answers[0])
        return found

    def _broken(self) -> StepError:
        lines = (self.folder / "log").read_text(errors="replace").strip().splitlines() or [""]
        return StepError(
            f"The load generator does not answer ({lines[-1][:200] or 'it said nothing'}).",
            "Try a lower rate, or start it again.",
            _WHERE,
        )


def _read(source: IO[str], into: list[str]) -> None:
    into.append(source.readline())


@contextmanager
def generator(cpus: Sequence[int], cancelled: Callable[[], bool]) -> Iterator[Generator]:
    """One on these CPUs; on any where there are none. It ends with the block."""
    with TemporaryDirectory(prefix="optim-generator-") as name:
        folder = Path(name)
        command = [sys.executable, "-P", "-m", "optim.load.generator"]
        command += [",".join(map(str, cpus))] if cpus else []
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=told_environment(),
            )
        try:
            yield Generator(process, folder, cancelled)
        finally:
            process.kill()
            process.communicate()
