"""Find the best in a real browser: start, watch, stop, the answer, reload, go on."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from support.browsing import bring, chosen
from support.serving import Server

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.deep, pytest.mark.timeout(900)]
NewPage = Callable[..., Page]
LONG_MS = 240_000


def candidates(page: Page) -> Locator:
    return page.locator(".race li")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


def answer(page: Page) -> Locator:
    return page.get_by_text("Most likely to help next")


def test_find_the_best(own_server: Server, files: Path, new_page: NewPage) -> None:
    page, other = new_page(), new_page("dark")
    bring(page, own_server.url, files / "classifier.onnx", files / "evalset.npz")
    button(page, "Find the best").click()
    expect(page.locator(".race header")).to_contain_text("of 60 s", timeout=LONG_MS)
    expect(candidates(page).nth(1)).to_be_attached(timeout=LONG_MS)
    expect(page.get_by_text("A search of this study has the machine")).to_be_visible()

    other.goto(page.url)  # another session sees the same search, and may stop it
    expect(candidates(other).nth(1)).to_be_attached(timeout=LONG_MS)
    button(other, "Stop, take the best so far").click()
    for one in (page, other):
        expect(answer(one)).to_be_visible(timeout=LONG_MS)
        expect(one.get_by_text(re.compile("^.*(Use |Keep the original)")).first).to_be_visible()

    own_server.stop()
    own_server.start()
    page.reload()
    expect(answer(page)).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_text("stopped by hand")).to_be_visible()
    before = candidates(page).count()
    page.get_by_text("What was tried").click()
    opens = page.locator(".race li[tabindex]").last
    number = re.search(r"Opens trial (\d+)", str(opens.get_attribute("aria-label")))
    assert number
    opens.focus()
    page.keyboard.press("Enter")
    expect(chosen(page)).to_contain_text(f"Trial {number[1]}")

    button(page, "Go on searching").click()
    expect(candidates(page).nth(before)).to_be_attached(timeout=LONG_MS)  # more than there were
    button(page, "Stop, take the best so far").click()
    expect(button(page, "Go on searching")).to_be_visible(timeout=LONG_MS)
    assert page.get_by_text("Something went wrong").count() == 0
