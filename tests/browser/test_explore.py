"""The Explore page as a person uses it: copy a recipe, undo, keys alone, no barriers."""

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Route, expect
from support.browsing import add_recipe, bring, chosen, recipe_built, wait_for_points
from support.serving import Server
from support.study_tools import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.deep, pytest.mark.timeout(600)]
NewPage = Callable[..., Page]
PAGES = ("", "explore", "graph", "compare", "why", "hardware", "serve", "export", "parts", "learn")


@pytest.fixture(scope="module")
def study(server: Server, files: Path, chromium: Browser) -> str:
    """The address of a study with a few points."""
    page = chromium.new_page()
    page.set_default_timeout(60_000)
    bring(page, server.url, files / "classifier.onnx", files / "evalset.npz")
    wait_for_points(page, 3)
    query = str(page.url.partition("?")[2].partition("&trial")[0])
    page.close()
    return query


def test_a_copy_is_edited_a_deletion_undone_and_the_address_says_it_all(
    server: Server, study: str, new_page: NewPage
) -> None:
    page = new_page()
    page.goto(f"{server.url}/explore?{study}")
    number = add_recipe(page, "simplify + openvino")
    expect(page).to_have_url(re.compile(rf"trial={number}\b"))
    expect(page.locator(".live-chart").get_by_text("original", exact=True).first).to_be_visible()
    for width in (390, 820, 1280):
        page.set_viewport_size({"width": width, "height": 720})
        wait_for(lambda: _legend_is_whole(page))
    page.get_by_placeholder("part of a recipe").fill("openvino")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("filter=openvino"))

    again = new_page("dark")  # the address, in another session
    again.goto(page.url)
    expect(chosen(again)).to_contain_text(f"Trial {number}")
    expect(again.get_by_placeholder("part of a recipe")).to_have_value("openvino")
    expect(recipe_built(again)).to_have_text("onnxruntime")
    again.get_by_role("button", name="Edit a copy").click()
    expect(recipe_built(again)).to_have_text("simplify + openvino")

    again.get_by_role("button", name="More").click()
    again.get_by_role("button", name="Delete").click()
    expect(again.get_by_text(f"Deleted #{number}.")).to_be_visible()
    again.keyboard.press("Escape")
    again.get_by_role("button", name="Undo").click()
    expect(again.get_by_text(f"Deleted #{number}.")).to_have_count(0)
    expect(chosen(again)).to_contain_text(f"Trial {number}")


def test_a_chart_that_is_made_narrower_is_drawn_as_on_a_phone(
    server: Server, study: str, new_page: NewPage
) -> None:
    """Without any news, which would have it drawn anew."""
    page = new_page()
    page.goto(f"{server.url}/explore?{study}")
    wait_for_points(page, 3)
    page.context.set_offline(True)
    page.wait_for_timeout(1000)  # what had come is drawn
    names = page.locator(".live-chart .annotation")
    before = names.count()
    page.set_viewport_size({"width": 390, "height": 720})
    wait_for(lambda: 0 < names.count() < before)
    wait_for(lambda: _legend_is_whole(page))


def _legend_is_whole(page: Page) -> bool:
    """Whether every row of the chart's legend lies within the chart, within the legend and clear of
    the button over the chart."""
    return bool(
        page.evaluate(
            """() => {
                const at = (it) => it.getBoundingClientRect();
                const chart = document.querySelector(".live-chart .main-svg");
                const ground = document.querySelector(".live-chart .legend .bg");
                const rows = [...document.querySelectorAll(".live-chart .legend .traces")];
                const button = document.querySelector(".live-chart .slide-button");
                const clear = button && at(button).bottom <= at(ground).top + 1;
                return clear && rows.length > 2
                    && [chart, ground].every((outer) => rows.every((row) =>
                    at(row).bottom <= at(outer).bottom + 1 && at(row).right <= at(outer).right + 1
                    && at(row).left >= at(outer).left - 1 && at(row).top >= at(outer).top - 1));
            }"""
        )
    )


def test_no_page_has_a_barrier_for_assistive_technology(
    server: Server, study: str, new_page: NewPage
) -> None:
    """By axe-core: nothing serious, in either theme."""
    found = []
    for scheme in ("light", "dark"):
        page = new_page(scheme)
        for path in PAGES:
            page.goto(f"{server.url}/{path}?{study}")
            expect(page.locator("[data-testid=stMain] p:visible").first).to_be_visible()
            expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
            found += [f"{scheme} /{path}: {said}" for said in _serious(page)]
            found += [f"{scheme} /{path}: too faint: {said}" for said in _faint(page)]
    assert not found, "\n".join(found)


def _faint(page: Page) -> list[str]:
    """Text of charts in Streamlit's own grey, which axe-core does not look at: 3.7:1 on white."""
    texts = page.locator("[data-testid=stPlotlyChart] text")
    fills = texts.evaluate_all("all => all.map(t => [getComputedStyle(t).fill, t.textContent])")
    return [text for fill, text in fills if fill == "rgb(128, 132, 149)"]


def _serious(page: Page) -> list[str]:
    """What axe-core finds that keeps people out. A page being redrawn is looked at again."""

    def look() -> list[str]:
        return [
            f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
            for one in Axe().run(page).response["violations"]
            if one["impact"] in ("serious", "critical")
        ]

    return look() and (page.wait_for_timeout(3000) or look())


def test_the_first_paint_has_no_barrier_and_takes_an_early_click(
    own_server: Server, new_page: NewPage
) -> None:
    """Streamlit's scripts are held back, so that it stays; then the click is not lost."""
    found = []
    for scheme in ("dark", "light"):
        page = new_page(scheme)
        held = _held_back(page, "**/static/js/**")
        page.goto(own_server.url, wait_until="commit")
        sample = page.locator("#first-paint button").first
        expect(sample).to_be_visible()
        found += [f"{scheme}: {said}" for said in _serious(page)]
    assert not found, "\n".join(found)
    sample.click()
    expect(sample).to_have_text("Opening ...")
    for route in held:
        route.continue_()
    page.unroute("**/static/js/**")
    page.wait_for_url("**/explore?study=*")


def _held_back(page: Page, what: str) -> list[Route]:
    """What the page asks for from now on at these addresses, and is not given."""
    found: list[Route] = []

    def hold(route: Route) -> None:
        found.append(route)

    page.route(what, hold)
    return found


def test_from_the_start_page_to_a_bundle_by_keyboard_alone(
    server: Server, files: Path, new_page: NewPage, study: str, tmp_path: Path
) -> None:
    page = new_page()
    page.goto(server.url)
    _press(page, page.get_by_role("link", name=re.compile("^classifier")).first)
    page.wait_for_url("**/explore?study=*")
    wait_for_points(page, 3)
    chart = page.get_by_role("figure")
    _focus(page, chart)
    before = chosen(page).inner_text()
    page.keyboard.press("ArrowRight")
    expect(chosen(page)).not_to_have_text(before)
    _press(page, page.get_by_role("link", name="Export", exact=True).last)
    page.wait_for_url("**/export?*")
    _press(page, page.get_by_role("button", name="Make the bundle"))
    link = page.get_by_role("link", name="Download the bundle")
    expect(link).to_be_visible()
    with page.expect_download() as download:
        _press(page, link)
    download.value.save_as(tmp_path / "bundle.zip")
    assert (tmp_path / "bundle.zip").stat().st_size > 1000


def test_every_stop_of_tab_shows_that_it_has_the_focus(
    server: Server, study: str, new_page: NewPage
) -> None:
    """Until Tab comes round; fields show their frame and tables their cell by themselves."""
    page = new_page()
    for path in ("", "explore"):
        page.goto(f"{server.url}/{path}?{study}")
        expect(page.locator("[data-testid=stMain] button:visible").first).to_be_enabled()
        expect(page.locator("[data-testid=stSkeleton]")).to_have_count(0)
        stops, hidden = 0, []
        while (stop := _next_stop(page)) and stops < _MOST:
            stops += 1
            hidden += [f"/{path}: {stop}"] * (not _shows_focus(page))
        assert 20 < stops < _MOST, "Tab never comes round"
        assert not hidden, "\n".join(hidden)


_MOST = 250


def _next_stop(page: Page) -> str:
    """What has the focus after Tab; empty past the last."""
    page.keyboard.press("Tab")
    page.wait_for_timeout(50)  # toolbars come by a movement
    return str(
        page.evaluate(
            """() => { const it = document.activeElement;
                return it === document.body ? "" : it.outerHTML.slice(0, 150); }"""
        )
    )


def _press(page: Page, target: Locator) -> None:
    _focus(page, target)
    page.keyboard.press("Enter")


def _focus(page: Page, target: Locator, most: int = 120) -> None:
    """Walk there with Tab, as a person must; what has the focus shows it."""
    expect(target).to_be_visible()
    page.evaluate("document.activeElement?.blur()")
    for _ in range(most):
        page.keyboard.press("Tab")
        if target.evaluate(
            "(it) => it === document.activeElement || it.contains(document.activeElement)"
        ):
            wait_for(lambda: _shows_focus(page))
            return
    raise AssertionError(f"{most} steps of Tab never reach {target}")


def _shows_focus(page: Page) -> bool:
    return bool(
        page.evaluate(
            """() => {
                let it = document.activeElement;
                while (it.shadowRoot?.activeElement) it = it.shadowRoot.activeElement;
                const style = getComputedStyle(it);
                return (style.outlineStyle !== "none" || style.boxShadow !== "none"
                    || it.matches("input, textarea, canvas, td"))
                    && it.closest("[data-testid=stElementToolbar]")?.checkVisibility(
                        {opacityProperty: true}) !== false;
            }"""
        )
    )


def test_what_is_above_a_section_stays_where_it_is_when_that_opens(
    server: Server, study: str, new_page: NewPage
) -> None:
    page = new_page()
    page.goto(f"{server.url}/explore?{study}")
    wait_for_points(page, 3)
    expect(page.get_by_text("Nothing runs.")).to_be_visible(timeout=240_000)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)  # the last time it is drawn
    sections = page.locator("[data-testid=stExpander] summary:visible")
    assert sections.count() >= 3
    for number in range(sections.count()):
        section = sections.nth(number)
        section.scroll_into_view_if_needed()
        before = _still_above(page, section)
        section.click()
        expect(section.locator("xpath=..")).to_have_attribute("open", "")
        page.wait_for_timeout(500)  # it opens by a movement
        assert _above(page, section) == before
        section.click()


def _still_above(page: Page, section: Locator) -> list[list[float]]:
    """`_above` once it is the same for a while: advice comes a moment after the last point."""
    places, before = _above(page, section), None
    while places != before:
        page.wait_for_timeout(1000)
        places, before = _above(page, section), places
    return places


def _above(page: Page, section: Locator) -> list[list[float]]:
    """Where a section begins, and where all elements are that end above it."""
    places: list[list[float]] = section.evaluate(
        """(section) => {
            const begins = section.getBoundingClientRect().top;
            const inside = section.closest("[data-testid=stSidebar], [data-testid=stMain]");
            const boxes = [...inside.querySelectorAll("[data-testid=stElementContainer]")]
                .map((one) => one.getBoundingClientRect())
                .filter((box) => box.height && box.bottom <= begins);
            return [[begins], ...boxes.map((box) => [box.x, box.y, box.width, box.height])];
        }"""
    )
    return places


def test_labels_that_do_not_fit_are_taken_otherwise_with_one_click(
    server: Server, files: Path, new_page: NewPage, tmp_path: Path
) -> None:
    """The page opens the study of the changed labels, whose samples fit."""
    given = dict(np.load(files / "evalset.npz"))
    classes = int(given["labels"].max()) + 1
    given["labels"] = (given["labels"] + 1) % classes
    np.savez(tmp_path / "moved.npz", **{name: given[name] for name in ("x", "labels", "metric")})
    page = new_page()
    bring(page, server.url, files / "classifier.onnx", tmp_path / "moved.npz")
    before = page.url
    take = page.get_by_role("button", name="Take this change of the labels")
    expect(page.get_by_text("bring the EvalSet with --labels").first).to_be_visible()
    take.click()
    page.wait_for_url(lambda url: study_in(url) != study_in(before))
    wait_for_points(page, 1)
    expect(take).to_have_count(0)


def study_in(url: str) -> str:
    return parse_qs(urlparse(url).query)["study"][0]
