"""The graph with figures on it: overlays are switched, models compared, nodes found both ways."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pytest
from playwright.sync_api import Page, expect
from support.browsing import bring
from support.serving import Server
from support.study_tools import wait_for
from support.viewing import panes, selected, state, viewer

pytestmark = [pytest.mark.browser, pytest.mark.deep]
HEADER, ROW = 35, 35  # pixels of the table


def overlay_drawn(page: Page, title: str) -> None:
    """Wait until the viewer has loaded an overlay and lists it alone."""
    listed = viewer(page).locator("node-data-provider-summary-panel .index-container")
    expect(listed.first).to_contain_text(title)
    expect(listed).to_have_count(viewer(page).locator("graph-panel").count())
    wait_for(lambda: [f"node_data://{title}/" in one for one in state(page)["nodeData"]] == [True])


def legend(page: Page) -> str:
    return page.locator(".graph-view .legend").inner_text()


@pytest.fixture
def graph(server: Server, files: Path, new_page: Callable[..., Page]) -> Iterator[Page]:
    """The figures on the graph of a small model, whose first trials are done."""
    page = new_page()
    bring(page, server.url, files / "classifier.onnx", files / "evalset.npz")
    study = parse_qs(urlparse(page.url).query)["study"][0]
    page.goto(f"{server.url}/graph?study={study}")
    page.get_by_text("Figures on the graph").click()
    viewer(page).locator("canvas.main").wait_for()
    yield page


def test_figures_are_switched_and_a_node_is_found_from_the_table_and_back(graph: Page) -> None:
    page = graph
    visited = page.evaluate("history.length")
    page.get_by_role("radio", name="FLOPs").click()
    overlay_drawn(page, "FLOPs")
    assert "2.05 kFLOP" in legend(page)
    page.get_by_role("radio", name="Bound by").click()
    overlay_drawn(page, "Bound by")
    assert "roofline" in legend(page)

    choose_row(page, 1)
    wait_for(lambda: selected(page) == ["Relu_1"])
    expect(page.get_by_text("Chosen: Relu_1")).to_be_visible()

    found = click_another(page, but="Relu_1")
    expect(page.get_by_text(f"Chosen: {found}")).to_be_visible()
    assert page.evaluate("history.length") == visited, "Back would lead through figures and nodes"


def choose_row(page: Page, row: int) -> None:
    """Click a row of the table of nodes."""
    table = page.locator("[data-testid=stDataFrame]")
    table.scroll_into_view_if_needed()
    box = table.bounding_box()
    assert box
    page.mouse.click(box["x"] + 10, box["y"] + HEADER + (row + 0.5) * ROW)


def click_another(page: Page, but: str) -> str:
    """Click down the middle of the picture until another node is chosen; returns its name."""
    canvas = viewer(page).locator("canvas.main")
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # while the picture moves to the chosen node
    place = canvas.bounding_box()
    assert place
    for down in range(60, int(place["height"]), 14):
        page.mouse.click(place["x"] + place["width"] / 2, place["y"] + down)
        page.wait_for_timeout(300)  # until the viewer's address says so
        (name,) = selected(page)
        if name not in ("", but):
            return name
    raise AssertionError(f"there is no node but {but} in the middle of the picture")


def test_two_graphs_are_compared_side_by_side(graph: Page) -> None:
    page = graph
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name=re.compile("ONNX Runtime runs")).click()
    expect(viewer(page).locator(".pane-title")).to_have_count(2)
    overlay_drawn(page, "Differences")
    wait_for(lambda: "same" in legend(page))
    shown = ["original", "what ONNX Runtime runs"]
    wait_for(lambda: [pane["selectedGraphId"] for pane in panes(page)] == shown)
    choose_row(page, 1)
    wait_for(lambda: selected(page) == ["Relu_1"] * 2)
    assert [pane["selectedGraphId"] for pane in panes(page)] == shown


def test_the_picture_is_dark_where_the_page_is(
    server: Server, files: Path, new_page: Callable[..., Page]
) -> None:
    page = new_page("dark")
    bring(page, server.url, files / "classifier.onnx", files / "evalset.npz")
    study = parse_qs(urlparse(page.url).query)["study"][0]
    page.goto(f"{server.url}/graph?study={study}&overlay=flops")
    viewer(page).locator("canvas.main").wait_for()
    expect(viewer(page).locator("body")).to_have_attribute("data-metheme", "dark")
    overlay_drawn(page, "FLOPs")
