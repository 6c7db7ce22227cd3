"""What stands before the server's answers: headers, a password, accounts, metrics, quotas."""

import json
import re
import string
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlencode

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.endpoints import WebSocketEndpoint
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from support.asking import WEBSOCKET, Answer, Asking, served

from optim.errors import InputError
from optim.home import secret_files
from optim.settings import settings
from ui.server import login, uploads
from ui.server.accounts import GUARDED
from ui.server.guards import exposed, middleware
from ui.server.hosts import why_none_elsewhere
from ui.server.page import page_routes
from ui.server.routes import routes

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
_BASE64 = f"{string.ascii_letters}{string.digits}-_"
PAGE = {"Accept": "text/html"}
UPLOAD = "/_stcore/upload_file/{}/{}"


async def _page(request: Request) -> Response:
    if "multipart" in request.headers.get("content-type", ""):
        (_, file), *_ = (await request.form()).multi_items()
        assert isinstance(file, UploadFile)
        said = f"{file.filename} {file.content_type} {len(await file.read())}"
        return PlainTextResponse(said)
    return PlainTextResponse("the page", headers=dict(request.query_params))


class _Stream(WebSocketEndpoint):
    encoding = "text"


Serve = Callable[..., Asking]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts a small application behind the guards, with settings of its own."""
    with ExitStack() as stack:

        def started(**options: str) -> Asking:
            for name, value in options.items():
                monkeypatch.setenv(f"OPTIM_{name}", value)
            settings.cache_clear()
            shown = [
                WebSocketRoute("/_stcore/stream", _Stream),
                Route("/{path:path}", _page, methods=["GET", "POST", "PUT"]),
            ]
            return stack.enter_context(served(Starlette(routes=shown, middleware=middleware())))

        yield started
    settings.cache_clear()
    secret_files.secret_in.cache_clear()


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    return str(tmp_path / "password")


def _posted(ask: Asking, password: str, wanted: str = "/") -> Answer:
    body = urlencode({"password": password, "next": wanted}).encode()
    return ask(login.LOGIN_URL, body=body, method="POST")


def _cookie(answer: Answer) -> dict[str, str]:
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


class TestHeaders:
    def test_every_answer_says_who_may_frame_it(self, serve: Serve) -> None:
        ask = serve()
        for answer in (ask("/"), ask("/missing"), ask("/", {"Host": "evil.example"})):
            assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
            assert answer.headers["x-frame-options"] == "SAMEORIGIN"
            assert answer.headers["x-content-type-options"] == "nosniff"

    def test_a_policy_that_an_answer_has_is_kept(self, serve: Serve) -> None:
        ask, name = serve(), "content-security-policy"
        kept = ask(f"/?{urlencode({name: 'default-src none'})}").headers[name]
        assert kept == "default-src none; frame-ancestors 'self'"
        own = "frame-ancestors 'none'"
        assert ask(f"/?{urlencode({name: own})}").headers[name] == own


class TestPassword:
    def test_nothing_is_shown_without_it(self, serve: Serve, password_file: str) -> None:
        ask = serve(PASSWORD_FILE=password_file)
        for path in ("/", "/explore?study=x", "/models/a/model.onnx", "/_stcore/host-config"):
            shown = ask(path, PAGE)
            assert shown.status == 401 and "<form" in shown.text and "the page" not in shown.text
            assert ask(path).status == 401 and "<form" not in ask(path).text
        assert ask("/", method="POST").status == 401
        assert ask("/_stcore/stream", WEBSOCKET).status == 403
        assert ask("/healthz").status == 200

    def test_it_opens_everything(self, serve: Serve, password_file: str) -> None:
        ask = serve(PASSWORD_FILE=password_file)
        answer = _posted(ask, PASSWORD, "/explore?study=a&trial=1")
        assert answer.status == 303 and answer.headers["location"] == "/explore?study=a&trial=1"
        flags = answer.headers["set-cookie"].lower()
        assert "httponly" in flags and "samesite=lax" in flags and "max-age" in flags
        assert ask("/", _cookie(answer)).text == "the page"
        assert ask("/_stcore/stream", WEBSOCKET | _cookie(answer)).status == 101

    def test_a_wrong_one_opens_nothing(self, serve: Serve, password_file: str) -> None:
        ask = serve(PASSWORD_FILE=password_file)
        for wrong in ("", "wrong", PASSWORD[:-1], f"{PASSWORD} "):
            answer = _posted(ask, wrong)
            assert answer.status == 401 and "set-cookie" not in answer.headers
            assert "not the password" in answer.text

    def test_a_cookie_that_was_not_given_opens_nothing(
        self, serve: Serve, password_file: str
    ) -> None:
        ask = serve(PASSWORD_FILE=password_file)
        given = _cookie(_posted(ask, PASSWORD))["Cookie"]
        for forged in (f"{login.COOKIE}=x", f"{given}x", f"{login.COOKIE}=a.b.c", given[:-2]):
            assert ask("/", {"Cookie": forged}).status == 401

    def test_logging_out_ends_it_for_whoever_has_the_cookie(
        self, serve: Serve, password_file: str
    ) -> None:
        ask = serve(PASSWORD_FILE=password_file)
        cookie = _cookie(_posted(ask, PASSWORD))
        assert 'action="/logout"' in ask(login.LOGOUT_URL, cookie).text
        assert ask("/", cookie).status == 200  # a link alone logs nobody out
        assert ask(login.LOGOUT_URL, cookie, method="POST").status == 303
        assert ask("/", cookie).status == 401
        alike = {ask("/", {"Cookie": cookie["Cookie"][:-1] + end}).status for end in _BASE64}
        assert alike == {401}  # the last letter of a signature has bits that nobody reads

    @pytest.mark.parametrize(
        "wanted", ["https://evil.example", "//evil.example", "/\\evil.example", "/\r\nX: y", ""]
    )
    def test_it_leads_nowhere_else(self, serve: Serve, password_file: str, wanted: str) -> None:
        answer = _posted(serve(PASSWORD_FILE=password_file), PASSWORD, wanted)
        assert answer.headers["location"] == "/"

    def test_what_was_wanted_is_no_html(self, serve: Serve, password_file: str) -> None:
        shown = serve(PASSWORD_FILE=password_file)("/%22%3E<script>alert(1)</script>", PAGE).text
        assert "<script>" not in shown

    def test_guessing_is_slowed_down(
        self, serve: Serve, password_file: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(login, "_TRIES", 2)
        ask = serve(PASSWORD_FILE=password_file)
        assert [_posted(ask, "wrong").status for _ in range(3)] == [401, 401, 429]
        assert _posted(ask, PASSWORD).status == 429

    @pytest.mark.parametrize("content", [None, "", "short", "\n a long one below"])
    def test_a_file_without_a_secret_is_refused_at_once(
        self, serve: Serve, tmp_path: Path, content: str | None
    ) -> None:
        path = tmp_path / "password"
        if content is not None:
            path.write_text(content)
        with pytest.raises(InputError, match="secret"):
            serve(PASSWORD_FILE=str(path))


def test_a_server_that_others_reach_without_a_password_says_so(
    serve: Serve, password_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses = iter(["localhost", "0.0.0.0", "0.0.0.0"])
    monkeypatch.setattr(st, "get_option", lambda name: next(addresses))
    assert not exposed()
    assert "OPTIM_PASSWORD_FILE" in exposed()
    monkeypatch.setenv("OPTIM_PASSWORD_FILE", password_file)
    settings.cache_clear()
    assert not exposed()


class TestMetrics:
    def test_they_can_be_switched_off(self, serve: Serve) -> None:
        ask = serve(METRICS="false")
        assert {ask(path).status for path in ("/metrics", "/metrics/", "/_stcore/metrics")} == {404}

    def test_a_token_can_be_asked_for(self, serve: Serve, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("a long token")
        ask = serve(METRICS_TOKEN_FILE=str(tmp_path / "token"))
        assert ask("/metrics").status == ask("/_stcore/metrics").status == 401
        assert ask("/metrics", {"Authorization": "Bearer wrong"}).status == 401
        assert ask("/metrics", {"Authorization": "Bearer a long token"}).status == 200

    def test_a_monitor_with_the_token_needs_no_password(
        self, serve: Serve, tmp_path: Path, password_file: str
    ) -> None:
        assert serve(PASSWORD_FILE=password_file)("/metrics").status == 401
        (tmp_path / "token").write_text("a long token")
        ask = serve(METRICS_TOKEN_FILE=str(tmp_path / "token"))
        assert ask("/metrics", {"Authorization": "Bearer a long token"}).status == 200
        assert ask("/metrics").status == 401


class TestUploads:
    def test_a_session_may_not_fill_the_memory(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held = {"mine": 900_000}
        monkeypatch.setattr(uploads, "_held", lambda session, replaced: held.get(session, 0))
        ask = serve(SESSION_UPLOAD_MB="1")
        refused = ask(UPLOAD.format("mine", "a"), body=bytes(200_000), method="PUT")
        assert refused.status == 413 and "1 MB together" in refused.text
        assert ask(UPLOAD.format("mine", "a"), body=bytes(90_000), method="PUT").status == 200
        assert ask(UPLOAD.format("others", "a"), body=bytes(200_000), method="PUT").status == 200

    def test_what_is_refused_arrives_empty_under_its_name(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of a request that fails, Streamlit's page would show an AxiosError."""
        monkeypatch.setattr(uploads, "_held", lambda session, replaced: 900_000)
        ask = serve(SESSION_UPLOAD_MB="1")
        form = {"Content-Type": "multipart/form-data; boundary=xyz"}
        head = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="my model.onnx"'
        body = head + b"\r\nContent-Type: text/plain\r\n\r\n" + bytes(300_000) + b"\r\n--xyz--\r\n"
        answer = ask(UPLOAD.format("mine", "a"), form, body, "PUT")
        assert answer.status == 200
        assert answer.text == f"my model.onnx {uploads.REFUSED} 0"
        odd = {"Content-Type": "multipart/form-data; boundary=x\ty"}
        assert ask(UPLOAD.format("mine", "a"), odd, bytes(300_000), "PUT").status == 413

    def test_a_length_must_be_said(self, serve: Serve) -> None:
        chunked = {"Transfer-Encoding": "chunked"}
        assert serve()(UPLOAD.format("a", "b"), chunked, b"0\r\n\r\n", "PUT").status == 411


class TestAccounts:
    @pytest.fixture
    def configured(self, tmp_path: Path) -> Iterator[str]:
        """Streamlit's authentication as its documentation has people configure it."""
        secret = "a secret of the cookies"
        path = tmp_path / "secrets.toml"
        path.write_text(f'[auth]\ncookie_secret = "{secret}"\nclient_id = "x"\n')
        before = st.config.get_option("secrets.files")
        st.config.set_option("secrets.files", [str(path)])
        st.secrets._reset()
        yield secret
        st.config.set_option("secrets.files", before)
        st.secrets._reset()

    def test_what_tells_of_studies_asks_for_one(self, serve: Serve, configured: str) -> None:
        ask = serve()
        assert {ask(f"{path}x").status for path in GUARDED} == {401}
        assert ask("/").text == "the page"  # it asks by itself, in `ui/account.py`

    @pytest.mark.parametrize(("logged_in", "status"), [(True, 200), (False, 401)])
    def test_it_is_told_by_the_cookie(
        self, serve: Serve, configured: str, logged_in: bool, status: int
    ) -> None:
        value = create_signed_value(
            configured, USER_COOKIE_NAME, json.dumps({"is_logged_in": logged_in})
        )
        cookie = {"Cookie": f"{USER_COOKIE_NAME}={value.decode()}"}
        assert serve()("/news/x", cookie).status == status
        forged = create_signed_value("another", USER_COOKIE_NAME, '{"is_logged_in": true}')
        cookie = {"Cookie": f"{USER_COOKIE_NAME}={forged.decode()}"}
        assert serve()("/news/x", cookie).status == 401

    def test_no_route_is_forgotten(self) -> None:
        harmless = ("/vendor/", "/healthz")
        shells = {route.path for route in page_routes() if isinstance(route, Route)}  # no content
        for route in routes():
            path = _path(route)
            assert path in shells or path.startswith((*GUARDED, *harmless)), route


def _path(route: BaseRoute) -> str:
    assert isinstance(route, Route | Mount)
    return re.sub(r"\{.*", "", route.path)


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("http://localhost:8501/learn?class=A1", True),
        ("http://[::1]:8501/explore", True),
        ("https://lab.example/learn?class=A1", False),
        ("the page Learn?class=A1", False),
    ],
)
def test_a_link_that_leads_nowhere_on_other_machines_says_so(link: str, told: bool) -> None:
    assert ("--address 0.0.0.0" in why_none_elsewhere(link)) == told
