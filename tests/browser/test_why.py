"""Why, in a real browser: from a point to a mended one, whose gain, to a node left out."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browsing import (
    add_recipe,
    bring,
    choose_lonely_point,
    choose_point,
    chosen,
    trials_on_chart,
    wait_for_points,
)
from support.outliers import RUINED, write_outlier_mlp
from support.serving import Server
from support.study_tools import wait_for
from support.viewing import selected, viewer

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.deep, pytest.mark.timeout(900)]
NewPage = Callable[..., Page]
LONG_MS = 240_000


def test_from_a_point_of_the_chart_to_a_mended_one(
    own_server: Server, tmp_path: Path, new_page: NewPage
) -> None:
    page = new_page("dark")
    bring(page, own_server.url, *write_outlier_mlp(tmp_path))
    wait_for_points(page, 2)
    number = add_recipe(page, "simplify + static_int8 + onnxruntime")
    wait_for_points(page, 4)
    study = re.search(r"study=([^&]+)", page.url)
    assert study

    wait_for(lambda: number in trials_on_chart(page), seconds=LONG_MS / 1e3)
    choose_lonely_point(page, but=number)
    choose_point(page, number)
    page.get_by_role("link", name="Why?").click()
    page.get_by_role("button", name="Explain", exact=True).click()
    expect(page.get_by_text("Causes found that cost time")).to_be_visible(timeout=LONG_MS)
    mended = _by_its_finding(page, "Quality lost")
    wait_for(lambda: re.match(rf"Trial {mended}\b", chosen(page).inner_text()))

    page.goto(f"{own_server.url}/why?study={study[1]}&trial={number}")

    page.get_by_text("Whose gain is it?").click()
    measure = page.get_by_role("button", name=re.compile("Measure . sub-recipe"))
    told = page.get_by_text(re.compile("still to be measured: about"))
    drawn = page.get_by_text("together they multiply to the whole gain")
    expect(told.or_(drawn).first).to_be_visible(timeout=LONG_MS)
    if measure.count():
        measure.click()
    expect(drawn).to_be_visible(timeout=LONG_MS)  # without a further click

    page.get_by_text("Where the quality went").click()
    page.get_by_role("button", name="Look inside").click()
    jumped = page.get_by_text("The error jumps first at second_relu").first
    expect(jumped).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_text("Original: ").first).to_be_visible(timeout=LONG_MS)
    page.get_by_role("button", name=f"Leave {RUINED} in float").click()
    mended = page.get_by_text(re.compile(r"That is trial \d+"))
    expect(mended).to_be_visible(timeout=LONG_MS)
    trial = re.search(r"trial (\d+)", mended.inner_text())
    assert trial
    expect(mended).to_have_text(re.compile("as fast as #"), timeout=LONG_MS)  # by itself
    page.goto(f"{own_server.url}/explore?study={study[1]}&trial={trial[1]}")
    recipe = page.locator("[data-testid=stMain] .as-code").filter(has_text=f"exclude={RUINED}")
    expect(recipe).to_be_visible(timeout=LONG_MS)
    assert page.get_by_text("Something went wrong").count() == 0


def _by_its_finding(page: Page, name: str) -> str:
    """To a finding's node on the graph and back, then by its recipe to the trial that mends it."""
    card = page.locator("[data-testid=stVerticalBlock]").filter(has_text=name).last
    card.get_by_role("button", name=re.compile("^Nodes")).click()
    link = page.locator("[data-testid=stPopoverBody] a").first
    node = link.inner_text().strip()
    link.click()
    viewer(page).locator("canvas.main").wait_for()
    wait_for(lambda: selected(page) == [node])
    page.go_back()
    card.get_by_role("button", name=re.compile("^Try ")).click()
    expect(card.get_by_text(re.compile("as fast as #"))).to_be_visible(timeout=LONG_MS)
    link = card.get_by_role("link", name=re.compile(r"#\d+ on the chart"))
    number = re.search(r"#(\d+)", link.inner_text())
    assert number
    link.click()
    return number[1]
