"""The list of studies, in a real browser: named, found, deleted and brought back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browsing import bring
from support.serving import Server
from support.study_tools import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.deep]


def test_a_study_is_renamed_deleted_and_restored(
    own_server: Server, files: Path, new_page: Callable[..., Page]
) -> None:
    page = new_page("dark")
    bring(page, own_server.url, files / "classifier.onnx", files / "evalset.npz")
    page.goto(own_server.url)
    change = page.get_by_role("button", name="Change")
    change.click()
    as_usual = """(it) => getComputedStyle(it).color
        === getComputedStyle(document.querySelector("h1")).color"""
    wait_for(lambda: change.evaluate(as_usual), 20)  # it pales in no theme while its panel is open
    page.get_by_label("Name", exact=True).fill("For Monday")
    page.get_by_label("Name", exact=True).press("Enter")
    link = page.get_by_role("link", name="For Monday")
    expect(link).to_be_visible()

    page.get_by_role("button", name="Change").click()
    page.get_by_role("button", name="Delete this study").click()
    expect(link).to_have_count(0)
    page.get_by_text("Deleted (1)").click()
    page.get_by_role("button", name="Restore").click()
    link.click()
    expect(page.get_by_role("heading", name="For Monday")).to_be_visible()
