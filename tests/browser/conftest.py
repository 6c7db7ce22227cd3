"""A real server in a home folder of its own, and a real Chromium that may not leave it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright
from support.serving import Server, free_port
from support.study_tools import write_classifier

CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_PATIENCE_MS = 60_000
expect.set_options(timeout=_PATIENCE_MS)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model, classifier.onnx, and its evalset.npz."""
    folder = tmp_path_factory.mktemp("files")
    write_classifier(folder)
    return folder


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests that leave it as they find it."""
    started = Server(tmp_path_factory.mktemp("home"), free_port())
    started.start()
    yield started
    started.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that the test may load, or kill."""
    started = Server(tmp_path, free_port())
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a session of its own; fails if it asked for anything outside this machine."""
    left: list[str] = []
    missing: list[str] = []
    contexts = []

    def guard(route: Route) -> None:
        host = route.request.url.partition("://")[2].partition("/")[0].partition(":")[0]
        if host == "localhost":
            route.continue_()
        else:
            left.append(route.request.url)
            route.abort()

    def opened(color_scheme: str = "light") -> Page:
        context = chromium.new_context(
            viewport={"width": 1280, "height": 900}, color_scheme=color_scheme
        )
        context.route("**/*", guard)
        contexts.append(context)
        page = context.new_page()
        page.on("response", lambda one: missing.append(one.url) if one.status == 404 else None)
        page.set_default_timeout(_PATIENCE_MS)
        return page

    yield opened
    for context in contexts:
        for page in context.pages:  # pytest shows it where the test has failed
            print(f"--- {page.url}\n{page.inner_text('body')}")
        context.close()
    assert not left, f"the page asked for {left}"
    assert not missing, f"there is no {missing}"
