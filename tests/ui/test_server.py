"""The server as `python -m optim serve` runs it: who gets in, and what its answers forbid."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from support.asking import WEBSOCKET, Asking
from support.paths import ROOT
from support.serving import Server, free_port

pytestmark = pytest.mark.slow
PASSWORD = "correct horse battery"
ADDRESSES = ("/", "/explore", "/netron/", "/_stcore/health", "/_stcore/host-config", "/metrics")
STREAM = "/_stcore/stream"


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that listens everywhere and asks nothing."""
    server = Server(tmp_path_factory.mktemp("open"), free_port(), address="0.0.0.0")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def team_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that asks for a password."""
    home = tmp_path_factory.mktemp("team")
    (home / "password").write_text(PASSWORD)
    options = {"OPTIM_PASSWORD_FILE": str(home / "password")}
    server = Server(home, free_port(), options, "0.0.0.0")
    server.start()
    yield server
    server.stop()


@pytest.mark.parametrize("path", [*ADDRESSES, "/healthz", "/no/such/page", "/models/x/y"])
def test_no_answer_may_be_framed_by_others(open_server: Server, path: str) -> None:
    headers = Asking(open_server.port)(path).headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "SAMEORIGIN"


def test_no_foreign_page_may_send_commands(open_server: Server) -> None:
    """As published, Streamlit's page takes them from every page on *.streamlit.app."""
    answer = Asking(open_server.port)("/_stcore/host-config")
    assert json.loads(answer.text)["allowedOrigins"] == []
    foreign = {"Origin": "https://evil.streamlit.app"}
    assert Asking(open_server.port)(STREAM, WEBSOCKET | foreign).status == 403


@pytest.mark.deep
def test_a_server_open_to_others_says_so_on_the_console(
    open_server: Server, team_server: Server
) -> None:
    said = "Everybody who can reach this server can use it"
    assert said in open_server.log.read_text()
    assert said not in team_server.log.read_text()


def test_without_the_password_nothing_is_open(team_server: Server) -> None:
    ask = Asking(team_server.port)
    for path in (*ADDRESSES, "/vendor/plotly.min.js", "/static/x.js", "/news/x"):
        assert ask(path).status == 401, path
        assert "<form" in ask(path, {"Accept": "text/html"}).text
    assert ask(STREAM, WEBSOCKET).status == 403
    assert ask("/_stcore/upload_file/a/b", body=b"x", method="PUT").status == 401


def test_with_the_password_everything_is(team_server: Server) -> None:
    ask = Asking(team_server.port)
    body = urlencode({"password": PASSWORD, "next": "/parts"}).encode()
    answer = ask("/login", body=body, method="POST")
    assert answer.status == 303 and answer.headers["location"] == "/parts"
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    for path in ADDRESSES:
        assert ask(path, cookie).status == 200, path
    assert ask(STREAM, WEBSOCKET | cookie).status == 101
    ask("/logout", cookie, method="POST")
    assert ask("/", cookie).status == 401 and ask(STREAM, WEBSOCKET | cookie).status == 403


@pytest.mark.deep
def test_a_password_file_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    server = Server(tmp_path, free_port(), {"OPTIM_PASSWORD_FILE": str(tmp_path / "none")})
    command = [sys.executable, "-m", "optim", "serve", "--port", str(server.port)]
    ended = subprocess.run(
        command, cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0 and "cannot be read" in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr + ended.stdout
