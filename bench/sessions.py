"""(f) Fifty browsers on one server: its memory and file descriptors are given back when they leave.

A browser is played by a connection that speaks Streamlit's protocol: it opens the Explore page, is
drawn again and again, as news have it, and asks for the news as the page does.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from tempfile import TemporaryDirectory

import psutil
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

BROWSERS, ROUNDS, REDRAWS = 50, 3, 4
TTL_SECONDS = 20
"""How long a session that has left may come back, here; it is two minutes by default."""
_GROWTH_MB, _GROWTH_FILES = 60, 8


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds."""
    rows, kept = [], []
    with TemporaryDirectory() as home, _server(home) as (process, port, study):
        _together(port, study, count=2)  # what the first ever needs is there
        time.sleep(2 * TTL_SECONDS)
        kept.append(_used(process))
        rows.append(_row("before", *kept[0]))
        for number in range(1, ROUNDS + 1):
            rows.append(_row(f"{BROWSERS} at once", *_together(port, study, BROWSERS, process)))
            time.sleep(2 * TTL_SECONDS)
            kept.append(_used(process))
            rows.append(_row(f"after round {number}", *kept[-1]))
    grown_mb, grown_files = (kept[-1][i] - kept[1][i] for i in (0, 1))
    fine = grown_mb <= _GROWTH_MB and grown_files <= _GROWTH_FILES
    said = f"From the first round to the last: {grown_mb:+.0f} MB, {grown_files:+.0f} descriptors."
    head = "| when | memory, MB | file descriptors | threads |\n|---|---|---|---|\n"
    return f"## Fifty browsers\n\n{head}" + "\n".join(rows) + f"\n\n{said}", fine


def _row(when: str, mb: float, files: int, threads: int) -> str:
    return f"| {when} | {mb:.0f} | {files} | {threads} |"


def _used(server: psutil.Process) -> tuple[float, int, int]:
    """Memory of its own in MB, file descriptors and threads of the server's process."""
    return server.memory_full_info().uss / 1e6, server.num_fds(), server.num_threads()


def _together(
    port: int, study: str, count: int, server: psutil.Process | None = None
) -> tuple[float, int, int]:
    """Browsers come, look, and leave. Returns what the server uses while all are there."""
    with ExitStack() as stack, ThreadPoolExecutor(count) as threads:
        browsers = [stack.enter_context(_browser(port)) for _ in range(count)]
        for _ in range(REDRAWS):
            list(threads.map(lambda browser: _drawn(browser, study), browsers))
            list(threads.map(lambda _: _news(port, study), browsers))
        return _used(server) if server else (0, 0, 0)


def _browser(port: int) -> ClientConnection:
    url = f"ws://localhost:{port}/_stcore/stream"
    return connect(url, subprotocols=[Subprotocol("streamlit")], max_size=None)


def _drawn(browser: ClientConnection, study: str) -> None:
    """Have the Explore page drawn, and wait until it is."""
    asked = BackMsg()
    asked.rerun_script.query_string = f"study={study}"
    asked.rerun_script.page_name = "explore"
    browser.send(asked.SerializeToString())
    while True:
        told = ForwardMsg.FromString(browser.recv(timeout=120))
        if told.WhichOneof("type") == "script_finished":
            return


def _news(port: int, study: str) -> None:
    with urllib.request.urlopen(f"http://localhost:{port}/news/{study}", timeout=60) as answer:
        answer.read()


@contextmanager
def _server(home: str) -> Iterator[tuple[psutil.Process, int, str]]:
    """A server with a home folder of its own and one study in it: its process, port and study."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = {"OPTIM_HOME": home, "OPTIM_TRIAL_SECONDS": "1"}
    own["STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL"] = str(TTL_SECONDS)
    env = {**os.environ, **own}
    optim = [sys.executable, "-m", "optim"]
    measured = [*optim, "measure", "sample:credit", "--recipe", "openvino"]
    subprocess.run(measured, env=env, check=True, stdout=subprocess.DEVNULL)
    listed = "from optim.studies.listing import list_studies; print(list_studies()[0].name)"
    study = subprocess.check_output([sys.executable, "-c", listed], env=env, text=True).strip()
    serve = [*optim, "serve", "--port", str(port)]
    with subprocess.Popen(serve, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            wait_for(port)
            yield psutil.Process(process.pid), port, study
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """Until a server answers there. Raises TimeoutError."""
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://localhost:{port}/healthz", timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("The server did not answer.")
