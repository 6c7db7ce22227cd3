"""What a person does in the application, in a few words each."""

import re
from contextlib import suppress
from math import hypot
from pathlib import Path
from typing import Literal

from playwright.sync_api import Locator, Page, TimeoutError, expect

from support.study_tools import wait_for

_CLICKS = 5


def bring(page: Page, url: str, model: Path, evalset: Path | None = None) -> None:
    """Upload a model, and an EvalSet, on the start page, and open it."""
    page.goto(url)
    give(page, "model", model)
    if evalset:
        give(page, "evalset", evalset)
    page.get_by_role("button", name="Open this model").click()
    page.wait_for_url("**/explore?study=*")


def give(page: Page, box: Literal["model", "evalset"], file: Path) -> None:
    """Choose a file for one of the start page's boxes, as soon as it is there.

    They come in any order, so the first on the page may be the other one.
    """
    page.locator(f".st-key-{box}-file input").set_input_files(file)
    page.get_by_text(file.name).first.wait_for()


def alert(page: Page) -> Locator:
    """The first error or warning on the page."""
    return page.locator("[data-testid=stAlert]").first


def wait_for_points(page: Page, count: int) -> None:
    """Wait until the chart shows that many points, the ring around the chosen one not counted."""
    wait_for(lambda: len(trials_on_chart(page)) >= count)


def trials_on_chart(page: Page) -> set[int]:
    """The trials that have a point on the chart; none while it is not drawn yet."""
    found: list[int] = page.evaluate(
        """() => (document.querySelector(".live-chart")?.data ?? [])
            .flatMap((trace) => (trace.customdata ?? []).map((custom) => custom[0]))"""
    )
    return set(found)


def choose_lonely_point(page: Page, but: int) -> None:
    """Choose, by a click, the point that is farthest from the others.

    The chart may be redrawn between the look and the click, which then meets nothing.

    Args:
        but: the trial that is chosen already.
    """
    for _ in range(_CLICKS):
        number = _click_lonely_point(page, but)
        with suppress(AssertionError):
            expect(chosen(page)).to_have_text(re.compile(rf"^Trial {number}\b"), timeout=10_000)
            return
    raise AssertionError(f"{_CLICKS} clicks on points chose none")


def _click_lonely_point(page: Page, but: int) -> int:
    every = _places(page)
    places = [place for place in every if place[0] != but]

    def gap(place: list[float]) -> float:
        others = (one for one in every if one != place)
        return min(hypot(one[1] - place[1], one[2] - place[2]) for one in others)

    number, across, down = max(places, key=gap)
    _click(page, across, down)
    return int(number)


def choose_point(page: Page, number: int) -> None:
    """Choose a trial by a click on its point."""
    for _ in range(_CLICKS):
        (place,) = [place for place in _places(page) if place[0] == number]
        _click(page, *place[1:])
        with suppress(AssertionError):
            expect(chosen(page)).to_have_text(re.compile(rf"^Trial {number}\b"), timeout=10_000)
            return
    raise AssertionError(f"{_CLICKS} clicks on the point of trial {number} did not choose it")


def _click(page: Page, across: float, down: float) -> None:
    page.mouse.move(across, down)
    page.mouse.click(across, down)


def _places(page: Page) -> list[list[float]]:
    """Each trial on the chart once: its number, and where its point is on the page."""
    found: list[list[float]] = page.evaluate(
        """() => {
            const chart = document.querySelector(".live-chart");
            const box = chart.getBoundingClientRect();
            const {xaxis, xaxis2, yaxis, yaxis2} = chart._fullLayout;
            const over = (trace) => (trace.xaxis === "x2" ? xaxis2 : xaxis);
            const up = (trace) => (trace.yaxis === "y2" ? yaxis2 : yaxis);
            const at = (axis, value) => axis._offset + axis.c2p(value);
            return chart.data.flatMap((trace) => (trace.customdata ?? []).map(
                (custom, i) => [custom[0], box.x + at(over(trace), trace.x[i]),
                                box.y + at(up(trace), trace.y[i])]));
        }"""
    )
    return list({place[0]: place for place in found}.values())


def chosen(page: Page) -> Locator:
    """The heading of the chosen trial."""
    return page.get_by_text(re.compile(r"^Trial \d+"))


def toggle(page: Page, label: str) -> None:
    """Switch a pass in the recipe builder; its section is opened first where it is folded.

    Again where the builder was just being drawn anew: the click met nothing, or was taken back.
    """
    switch = page.locator("[data-testid=stSidebar] label").filter(has_text=label)
    if not switch.count():
        _unfold(page, switch)
    wanted = not switch.locator("input").is_checked()
    before = recipe_built(page).inner_text().strip()
    section = page.locator("[data-testid=stSidebar] details:not([open])").filter(has=switch)
    for _ in range(_CLICKS):
        if section.count():
            section.locator("summary").click()
        with suppress(TimeoutError, AssertionError):
            if switch.locator("input").is_checked() != wanted:
                switch.click(timeout=10_000)
            expect(switch.locator("input")).to_be_checked(checked=wanted, timeout=10_000)
            expect(recipe_built(page)).not_to_have_text(before, timeout=10_000)
            return
    raise AssertionError(f"{label} could not be switched in {_CLICKS} clicks")


def _unfold(page: Page, switch: Locator) -> None:
    """Open folded sections of toggles until one of them has drawn the switch."""
    page.get_by_role("button", name="Add to the chart").wait_for()
    folds = page.locator("[data-testid=stSidebar] details:not([open]) summary")
    for fold in folds.filter(has_text=re.compile(r"^.*(\d+ more$|step by step)")).all():
        fold.click()
        with suppress(TimeoutError):
            switch.wait_for(state="attached", timeout=10_000)
            return


def type_recipe(page: Page, spelling: str) -> None:
    """Set the recipe builder to a recipe by typing it."""
    box = page.get_by_placeholder("static_int8 + openvino")
    if not box.is_visible():
        page.get_by_text("Type a recipe instead").click()
    box.fill(spelling)
    box.press("Enter")
    expect(recipe_built(page)).to_have_text(spelling)


def recipe_built(page: Page) -> Locator:
    """The spelling of the recipe that the builder stands at."""
    return page.locator("[data-testid=stSidebar] .as-code")


def add(page: Page, spelling: str) -> int:
    """Add the recipe that the builder comes to; returns its trial, which is then the chosen one.

    The button is held until that recipe is drawn: it must not move away under the pointer. Again
    where it did.
    """
    for _ in range(_CLICKS):
        page.get_by_role("button", name="Add to the chart").hover()
        page.mouse.down()
        expect(recipe_built(page)).to_have_text(spelling)
        page.mouse.up()
        with suppress(AssertionError):
            shown = page.locator("[data-testid=stMain] .as-code")
            expect(shown).to_have_text(spelling, timeout=15_000)
            return int(chosen(page).inner_text().split()[1])
    raise AssertionError(f"{spelling} could not be added in {_CLICKS} clicks")


def add_recipe(page: Page, spelling: str) -> int:
    """Type a recipe and add it; returns its trial."""
    type_recipe(page, spelling)
    return add(page, spelling)
