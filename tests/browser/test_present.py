"""Presenting in real browsers: keys, a replay, somebody who follows; then a report and a slide."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from support.browsing import bring, wait_for_points
from support.serving import Server
from support.study_tools import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.deep]
NewPage = Callable[..., Page]
STOP = re.compile(r"^(#\d+, |The original, as it comes)")
SHARE = 0.7


@pytest.fixture(scope="module")
def study(server: Server, files: Path, chromium: object) -> str:
    """The address of a study of the small model, with three points at least."""
    page = chromium.new_page()  # type: ignore[attr-defined]
    page.set_default_timeout(60_000)
    bring(page, server.url, files / "classifier.onnx", files / "evalset.npz")
    wait_for_points(page, 3)
    expect(page.get_by_text("Nothing runs")).to_be_visible(timeout=240_000)
    query = str(page.url.partition("?")[2])
    page.close()
    return query


def sentence(page: Page) -> Locator:
    return page.locator("[data-testid=stMarkdown]").filter(has_text=STOP).first


def presented(page: Page, server: Server, study: str, more: str = "") -> str:
    """Open presenter mode; the sentence that it begins with."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{server.url}/explore?{study}&present=1{more}")
    wait_for_points(page, 3)
    return str(sentence(page).inner_text())


def test_keys_walk_the_front_and_a_second_browser_follows(
    server: Server, study: str, new_page: NewPage
) -> None:
    page, other = new_page(), new_page("dark")
    first = presented(page, server, study)
    chart = page.locator(".live-chart").bounding_box()
    assert chart and chart["height"] == pytest.approx(SHARE * 720, abs=2)
    assert not page.locator("[data-testid=stSidebar]").is_visible()
    assert not page.locator("[data-testid=stDataFrame]").count()
    fits = page.evaluate(
        "document.querySelector('[data-testid=stMain]').scrollHeight <= window.innerHeight"
    )
    assert fits, "it does not fit one screen"
    last = page.get_by_role("button", name="Leave (Esc)").bounding_box()
    assert last and 690 < last["y"] + last["height"] <= 720, "a strip below is empty"
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"

    page.get_by_role("button", name="Let others follow").click()
    page.get_by_role("button", name="Open a room").click()
    link = page.locator("[data-testid=stPopoverBody] [data-testid=stCode]").inner_text()
    page.keyboard.press("Escape")  # closes the room's panel, and nothing else
    expect(sentence(page)).to_have_text(first)
    other.goto(link)
    expect(sentence(other)).to_have_text(first)

    key = "ArrowRight" if page.get_by_role("button", name="Slower").is_enabled() else "ArrowLeft"
    page.keyboard.press(key)
    expect(sentence(page)).not_to_have_text(first)
    second = sentence(page).inner_text()
    expect(sentence(other)).to_have_text(second)
    other.keyboard.press("ArrowLeft")
    other.keyboard.press("ArrowRight")
    expect(sentence(other)).to_have_text(second)  # who follows does not lead

    page.get_by_role("button", name="Replay").click()
    for one in (page, other):
        expect(one.get_by_text(re.compile(r"^\d+ of \d+\. "))).to_be_visible()
    expect(page.get_by_role("button", name="Replay")).to_be_visible(timeout=120_000)
    expect(sentence(page)).to_have_text(second)  # where it was
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text(re.compile(r"^2 of \d+\. "))).to_be_visible()
    page.keyboard.press("Escape")  # a tick may be on its way
    expect(page.get_by_role("button", name="Present")).to_be_visible()
    wait_for_points(page, 3)
    page.wait_for_timeout(2500)
    assert not page.locator("[data-testid=stAlert]", has_text="went wrong").count()
    assert "present=" not in page.url


def test_a_report_and_a_slide_are_taken_and_hold_what_they_promise(
    server: Server, study: str, new_page: NewPage, tmp_path: Path
) -> None:
    page = new_page("dark")
    page.goto(f"{server.url}/export?{study}")
    page.get_by_role("tab", name="Share the whole study").click()
    report = taken(page, "HTML report", tmp_path)
    assert report.stat().st_size > 1_000_000
    slide = Image.open(taken(page, "Slide of the chart (PNG)", tmp_path))
    assert slide.size == (2560, 1440)
    assert not slide.mode.endswith("A") or slide.getextrema()[3] == (255, 255)
    assert slide.convert("RGB").getpixel((5, 5)) == (255, 255, 255)  # light, from a dark page
    assert len(slide.convert("L").getcolors() or ()) > 20

    page.goto(f"{server.url}/explore?{study}")
    wait_for_points(page, 3)
    page.locator(".live-chart").hover()
    with page.expect_download() as download:
        page.locator(".slide-button").first.click()
    download.value.save_as(tmp_path / "corner.png")
    assert Image.open(tmp_path / "corner.png").size == (2560, 1440)

    alone = page.context.browser.new_page()  # type: ignore[union-attr]
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(report.as_uri())
    expect(alone.locator("#trade-off .main-svg").first).to_be_visible()
    expect(alone.get_by_role("heading", name="Hardware and versions")).to_be_visible()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    alone.close()


def taken(page: Page, label: str, folder: Path) -> Path:
    """What a button downloads."""
    button = page.get_by_role("button", name=label, exact=True)
    wait_for(button.is_visible)
    with page.expect_download() as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path
