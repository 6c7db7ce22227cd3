"""What browsers that have left held is given back, on a real server."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from support.serving import Server, free_port
from support.study_tools import wait_for
from websockets.sync.client import connect
from websockets.typing import Subprotocol

pytestmark = pytest.mark.deep
BROWSERS = 8


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    options = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": "1"}
    server = Server(tmp_path, free_port(), options)
    server.start()
    yield server
    server.stop()


def looked_at(server: Server, count: int, process: psutil.Process) -> int:
    """That many browsers open the page and leave. Returns the server's descriptors meanwhile."""
    with ExitStack() as stack:
        for _ in range(count):
            url = f"ws://localhost:{server.port}/_stcore/stream"
            opened = connect(url, subprotocols=[Subprotocol("streamlit")], max_size=None)
            browser = stack.enter_context(opened)
            asked = BackMsg()
            asked.rerun_script.query_string = ""
            browser.send(asked.SerializeToString())
            while (
                ForwardMsg.FromString(browser.recv(timeout=120)).WhichOneof("type")
                != "script_finished"
            ):
                pass
        return process.num_fds()


def test_descriptors_of_browsers_that_left_are_given_back(server: Server) -> None:
    """Without another one leaving, which is when Streamlit lets go of those before."""
    assert server.process
    process = psutil.Process(server.process.pid)
    looked_at(server, 1, process)
    looked_at(server, BROWSERS, process)
    before = process.num_fds()
    wait_for(lambda: process.num_fds() <= before - 2 * BROWSERS, seconds=60)
