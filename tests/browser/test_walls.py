"""What a browser makes of the walls: the report's policy, the login, pages in frames."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from support.asking import served
from support.browsing import give
from support.explored import explored
from support.serving import Server, free_port

from optim.bundles.bundle import findings_of
from optim.bundles.report import report_html
from optim.studies.study import Study

__all__ = ["explored"]
pytestmark = [pytest.mark.browser, pytest.mark.deep]
PASSWORD = "correct horse battery"
NewPage = Callable[..., Page]


def shown(html: str) -> Iterator[str]:
    async def answer(request: Request) -> Response:
        return HTMLResponse(html)

    with served(Starlette(routes=[Route("/{path:path}", answer)])) as ask:
        yield f"http://localhost:{ask.port}/"


def test_a_report_draws_its_charts_and_runs_nothing_else(
    explored: Study, new_page: NewPage
) -> None:
    page, complaints = new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    report = report_html(findings_of(explored, explored.trial(1)))
    for address in shown(report):
        page.goto(address)
        expect(page.locator(".main-svg").first).to_be_visible()
        assert page.locator(".js-plotly-plot").count() == 2
        assert not [text for text in complaints if "Content Security Policy" in text]
    added = "<script>document.title = 'mine'</script><img src=x onerror=\"document.title='mine'\">"
    for address in shown(report.replace("<body>", f"<body>{added}")):
        page.goto(address)
        expect(page.locator(".main-svg").first).to_be_visible()
        assert page.title() == "classifier"
        refused = "fetch('https://example.com').then(() => 'sent', () => 'refused')"
        assert page.evaluate(refused) == "refused"


@pytest.fixture(scope="module")
def team_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("team")
    (home / "password").write_text(PASSWORD)
    server = Server(home, free_port(), {"OPTIM_PASSWORD_FILE": str(home / "password")})
    server.start()
    yield server
    server.stop()


def test_logging_in_and_out(team_server: Server, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{team_server.url}/parts")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("This is not the password.")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/parts")
    page.get_by_role("link", name="Log out").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_foreign_page_cannot_frame_this_one(server: Server, new_page: NewPage) -> None:
    page = new_page()
    for address in shown(f"<iframe src='{server.url}' width=800 height=600></iframe>"):
        page.goto(address)
        page.wait_for_timeout(2000)
        assert not page.frames[-1].get_by_text("Make a trained model faster").count()


def test_an_upload_beyond_the_quota_is_said_in_the_page(tmp_path: Path, new_page: NewPage) -> None:
    server = Server(tmp_path, free_port(), {"OPTIM_SESSION_UPLOAD_MB": "1"})
    server.start()
    try:
        (tmp_path / "large.onnx").write_bytes(bytes(2_000_000))
        page = new_page()
        page.goto(server.url)
        give(page, "model", tmp_path / "large.onnx")
        expect(page.get_by_text("File must be 1.0MB or smaller")).to_be_visible()
    finally:
        server.stop()
