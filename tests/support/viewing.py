"""The viewer of graphs in the page: its frame, and what it says of itself."""

import json
from urllib.parse import parse_qs

from playwright.sync_api import FrameLocator, Page


def viewer(page: Page) -> FrameLocator:
    return page.frame_locator(".graph-view iframe")


def state(page: Page) -> dict:
    """What the viewer says of itself in its address."""
    search = viewer(page).locator("body").evaluate("() => location.search")
    return json.loads(parse_qs(search.removeprefix("?"))["data"][0])


def panes(page: Page) -> list[dict]:
    return state(page)["uiState"]["paneStates"]


def selected(page: Page) -> list[str]:
    return [pane["selectedNodeId"] for pane in panes(page)]
