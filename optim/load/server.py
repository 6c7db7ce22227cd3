"""A server to be loaded: a real one, in a child with limits, on Unix sockets.

Whoever may upload a model may have it served here, so it runs behind the sandbox's walls. These
leave no network but sockets that are files; what a network adds is therefore in no figure.
"""

import http.client
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from optim import sandbox
from optim.errors import Cancelled, StepError
from optim.sandbox import Files, Limits
from optim.serving.host import host
from optim.serving.served import Opened
from optim.serving.settings import Rest, Serving, parse_serving

_WHERE = "load"
_LONGEST_S = 3600.0
_START_S = 120.0
_LOOK_S = 0.05
_MOST_BYTES = 1 << 20
_REST, _GRPC = "rest", "grpc"
_USED = re.compile(
    r"^process_(cpu_seconds_total|resident_memory_bytes) ([\d.]{1,20}(?:e[+]\d{1,2})?)$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Usage:
    """What a server has used: seconds of CPU since it began, memory it holds now."""

    cpu_s: float
    memory_mb: float


@dataclass
class Server:
    """One that answers, and where."""

    serving: Serving
    folder: Path
    failed: list[Exception] = field(default_factory=list)

    @property
    def place(self) -> str:
        """Where its protocol is spoken."""
        return str(self.folder / (_REST if isinstance(self.serving, Rest) else _GRPC))

    def usage(self) -> Usage:
        """What it says of itself to Prometheus. Raises StepError where it does not answer."""
        found = {name: float(value) for name, value in _USED.findall(self._got("/metrics"))}
        return Usage(found["cpu_seconds_total"], found["resident_memory_bytes"] / 1e6)

    def is_ready(self) -> bool:
        """Whether it answers by now. Raises what ended it."""
        if self.failed:
            raise self.failed[0]
        try:
            return bool(self._got("/v2/health/ready"))
        except (OSError, StepError):
            return False

    def _got(self, path: str) -> str:
        connection = _Local(str(self.folder / _REST))
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise StepError(f"The server answers {answer.status}.", "Try again.", _WHERE)
        return answer.read(_MOST_BYTES).decode(errors="replace")


@contextmanager
def served(
    bundle: Path, serving: Serving, cpus: list[int], cancelled: Callable[[], bool]
) -> Iterator[Server]:
    """A server of this bundle, from when it answers. Raises OptimError, Cancelled."""
    # Not in the home folder: a socket's name may have some hundred letters.
    with TemporaryDirectory(prefix="optim-load-") as folder:
        server, ended = Server(serving, Path(folder)), threading.Event()

        def run() -> None:
            try:
                sandbox.call(
                    serve,
                    {"bundle": str(bundle), "serving": str(serving), "folder": folder},
                    where=_WHERE,
                    files=Files(writable=(Path(folder),), readable=(bundle,)),
                    limits=Limits(Limits.default().memory_mb, _LONGEST_S),
                    cpus=cpus,
                    cancelled=lambda: ended.is_set() or cancelled(),
                )
            except Exception as error:
                server.failed.append(error)

        thread = threading.Thread(target=run, name="server under load", daemon=True)
        thread.start()
        try:
            _wait(server, cancelled)
            yield server
        finally:
            ended.set()
            thread.join()


def _wait(server: Server, cancelled: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_S
    while not server.is_ready():
        if cancelled():
            raise Cancelled("Cancelled.", "Start it again when you like.", _WHERE)
        if time.monotonic() > deadline:
            raise StepError(
                f"The server did not answer within {_START_S:.0f} s.",
                "Try fewer sessions, or a smaller largest batch.",
                _WHERE,
            )
        time.sleep(_LOOK_S)


def serve(bundle: str, serving: str, folder: str) -> None:
    """What the child runs: a server with both protocols, until it is killed."""
    places = Path(folder, _REST), Path(folder, _GRPC)
    host([Opened.of(Path(bundle))], parse_serving(serving), rest=places[0], rpc=places[1])


class _Local(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
