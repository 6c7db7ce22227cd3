"""Why, in a real browser: from the jump to a node left out; whose gain, told, measured, drawn."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from support.browsing import add_recipe, bring, wait_for_points
from support.outliers import RUINED, write_outlier_mlp
from support.serving import Server

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.deep, pytest.mark.timeout(900)]
NewPage = Callable[..., Page]
LONG_MS = 240_000


def test_from_the_jump_to_a_mended_trial(
    own_server: Server, tmp_path: Path, new_page: NewPage
) -> None:
    page = new_page("dark")
    bring(page, own_server.url, *write_outlier_mlp(tmp_path))
    wait_for_points(page, 2)
    number = add_recipe(page, "simplify + static_int8 + onnxruntime")
    wait_for_points(page, 4)
    study = re.search(r"study=([^&]+)", page.url)
    assert study
    page.goto(f"{own_server.url}/why?study={study[1]}&trial={number}")

    page.get_by_role("button", name="Explain", exact=True).click()
    expect(page.get_by_text("Causes found that cost time")).to_be_visible(timeout=LONG_MS)
    expect(page.get_by_text("The error jumps at").first).to_be_visible()

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
    page.goto(f"{own_server.url}/explore?study={study[1]}&trial={trial[1]}")
    recipe = page.locator("[data-testid=stMain] .as-code").filter(has_text=f"exclude={RUINED}")
    expect(recipe).to_be_visible(timeout=LONG_MS)
    assert page.get_by_text("Something went wrong").count() == 0
