"""A sample's original as a bundle, and `optim host` of it in a process of its own."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

_OPTIM = [sys.executable, "-m", "optim"]


@cache
def made(sample: str) -> Path:
    """The bundle of a sample's original, made once, in a home folder of its own.

    Its figures are not looked at: one slice.
    """
    bundle = Path(_folder().name, sample)
    command = [*_OPTIM, "measure", f"sample:{sample}", "--out", str(bundle)]
    quick = os.environ | {"OPTIM_HOME": f"{_folder().name}/home", "OPTIM_TRIAL_SECONDS": "0.1"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=quick)
    return bundle


@cache
def _folder() -> "TemporaryDirectory[str]":
    """Until this process ends."""
    return TemporaryDirectory()


@contextmanager
def hosted(bundle: Path, *options: str) -> Iterator[tuple[int, int]]:
    """Ports of REST and gRPC of a server that answers."""
    rest, rpc = free_port(), free_port()
    ports = ["--rest", str(rest), "--grpc", str(rpc)]
    with subprocess.Popen([*_OPTIM, "host", str(bundle), *options, *ports]) as server:
        try:
            wait_for(rest, "/v2/health/ready", server)
            yield rest, rpc
        finally:
            server.terminate()


def free_port() -> int:
    """One that is free now."""
    with socket.create_server(("localhost", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_for(port: int, path: str, server: "subprocess.Popen[bytes]", seconds: float = 90) -> None:
    """Until something answers there. Raises RuntimeError where it ends before, or never does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        try:
            connection = http.client.HTTPConnection("localhost", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status < 500:
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the server on port {port} does not answer")
