"""Several people at once, and a server that dies."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browsing import add_recipe, bring, trials_on_chart, wait_for_points
from support.serving import Server
from support.study_tools import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.deep]
NewPage = Callable[..., Page]


def test_two_sessions_see_one_study_and_a_crash_loses_nothing(
    own_server: Server, files: Path, new_page: NewPage
) -> None:
    first, second = new_page(), new_page("dark")
    bring(first, own_server.url, files / "classifier.onnx", files / "evalset.npz")
    second.goto(first.url)
    wait_for_points(first, 2)
    wait_for_points(second, 2)
    number = add_recipe(second, "openvino:streams=2")
    expect(first.get_by_text("openvino:streams=2").first).to_be_visible()
    done = trials_on_chart(first)
    assert len(done) >= 2
    own_server.kill()
    own_server.start()
    third = new_page()
    third.goto(f"{first.url}&trial={number}")
    wait_for(lambda: done <= trials_on_chart(third))
    add_recipe(third, "openvino:streams=2")  # again, in place of the interrupted one
    wait_for(lambda: done <= (shown := trials_on_chart(third)) and max(shown) >= number)
