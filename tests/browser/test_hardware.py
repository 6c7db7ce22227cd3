"""All hardware at once, in a real browser: a click on a bar brings its roofline into view."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect
from support.browsing import bring, wait_for_points
from support.serving import Server
from support.study_tools import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.deep]


def test_a_click_on_a_bar_shows_the_roofline_of_that_target(
    server: Server, files: Path, new_page: Callable[..., Page]
) -> None:
    page = new_page("dark")
    bring(page, server.url, files / "classifier.onnx", files / "evalset.npz")
    (study,) = parse_qs(urlparse(page.url).query)["study"]
    wait_for_points(page, 2)
    page.goto(f"{server.url}/hardware?study={study}")
    bars = page.locator(".js-plotly-plot").first.locator(".bars .point path")
    bars.first.wait_for()
    page.wait_for_url("**target=*")
    (before,) = parse_qs(urlparse(page.url).query)["target"]
    widths = [(bar.bounding_box() or {"width": 0})["width"] for bar in bars.all()]
    slowest = bars.nth(widths.index(max(widths)))  # what is shown at first is the fastest
    slowest.scroll_into_view_if_needed()
    place = slowest.bounding_box()
    assert place
    middle = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(*middle)
    page.locator(".hoverlayer .hovertext").first.wait_for()  # what is not hovered takes no click
    page.mouse.click(*middle)
    page.wait_for_url(lambda url: parse_qs(urlparse(url).query)["target"] != [before])
    roofline = page.locator(".js-plotly-plot").nth(1)
    expect(roofline).to_be_in_viewport()
    expect(roofline).to_contain_text("FLOP per byte moved")
    expect(page.get_by_text(re.compile("its area is the time it takes"))).to_be_visible()
    button = roofline.locator(".slide-button")  # it may lie on a tile of any colour
    expect(button).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")

    page.set_viewport_size({"width": 390, "height": 800})
    wait_for(lambda: _wide_of(page) == 600)
    ends = _ends_of_times(page)
    assert ends and max(ends) <= 600, "a time is cut off on a phone"


def _wide_of(page: Page) -> int:
    """Width of the chart of bars, of which a phone shows a part."""
    chart = page.locator(".js-plotly-plot").first
    return int(chart.evaluate("it => it.getBoundingClientRect().width"))


def _ends_of_times(page: Page) -> list[float]:
    """Where each time that stands at the end of a bar ends itself, from the chart's left."""
    times = page.locator(".js-plotly-plot").first.locator(".textpoint text", has_text=" ms")
    found: list[float] = times.evaluate_all(
        """(all) => all.map((text) => text.getBoundingClientRect().right
            - text.closest(".js-plotly-plot").getBoundingClientRect().left)"""
    )
    return found
