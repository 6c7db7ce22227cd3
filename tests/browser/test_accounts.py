"""Accounts elsewhere (OpenID Connect): a real provider, a real server, a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.oidc import PEOPLE, Provider, providing
from support.serving import Server, free_port

pytestmark = [pytest.mark.browser, pytest.mark.deep]
OURS, ANOTHER = PEOPLE


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as provided:
        yield provided


@pytest.fixture
def team(tmp_path: Path, provider: Provider) -> Iterator[Server]:
    """A server whose secrets name the provider, and whose settings one domain."""
    secrets, port = tmp_path / "secrets.toml", free_port()
    secrets.write_text(provider.secrets_toml(f"http://localhost:{port}"))
    options = {"STREAMLIT_SECRETS_FILES": str(secrets), "OPTIM_ACCOUNTS": "@team.example"}
    server = Server(tmp_path, port, options)
    server.start()
    yield server
    server.stop()


def log_in(page: Page, url: str, person: str) -> None:
    page.goto(url)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name=person).click()


def status(page: Page, url: str) -> int:
    """Of a route that tells of studies, as this browser asks for it."""
    return page.request.get(f"{url}/news/x").status


def test_who_has_an_account_here_gets_in_and_out(
    team: Server, new_page: Callable[..., Page]
) -> None:
    page = new_page()
    page.goto(team.url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert status(page, team.url) == 401
    log_in(page, team.url, ANOTHER)
    expect(page.get_by_text("This account may not use this server")).to_be_visible()
    assert status(page, team.url) == 401
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Goodbye")).to_be_visible()
    log_in(page, team.url, OURS)
    expect(page.get_by_role("heading", name="Studies")).to_be_visible()
    assert status(page, team.url) != 401
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("Goodbye")).to_be_visible()
    page.goto(team.url)
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert status(page, team.url) == 401
