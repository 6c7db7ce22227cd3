"""Learn, in a real browser: a lesson decided by a measurement; a class of three; the tour."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from support.serving import Server

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.deep, pytest.mark.timeout(900)]
NewPage = Callable[..., Page]
LONG_MS = 240_000
MEASURED = re.compile(r"\d+ runs in 4 processes, measured")


def _choose(page: Page, text: str) -> None:
    page.get_by_test_id("stMain").get_by_text(text, exact=True).click()


def _ready(page: Page, name: str) -> None:
    expect(page.get_by_role("button", name=name)).to_be_enabled()
    page.get_by_role("button", name=name).click()


def test_a_lesson_from_prediction_to_verdict(own_server: Server, new_page: NewPage) -> None:
    page = new_page("dark")
    page.goto(f"{own_server.url}/learn?lesson=roofline")
    _choose(page, "Nothing to speak of")
    expect(page.get_by_text("reading memory")).to_be_visible(
        timeout=LONG_MS
    )  # drawn from live data
    _ready(page, "Measure it here")
    expect(page.get_by_text(MEASURED)).to_be_visible(timeout=LONG_MS)
    verdict = page.get_by_text(
        re.compile(r"Speed-up of openvino:precision=bf16: [\d.]+× \([\d.]+ to [\d.]+\)")
    )
    expect(verdict.first).to_be_visible()
    expect(page.get_by_text(re.compile("^(Right|Not here|Not decided)")).first).to_be_visible()
    word = page.locator(".term").first
    word.focus()
    expect(word.get_by_role("tooltip")).to_be_visible()


def test_a_class_of_three_browsers(own_server: Server, new_page: NewPage) -> None:
    trainer = new_page()
    trainer.goto(f"{own_server.url}/learn?lesson=roofline")
    _ready(trainer, "Class")
    _ready(trainer, "Open a class for this lesson")
    trainer.wait_for_url("**class=*")
    code = re.search(r"class=(\w+)", trainer.url)
    assert code
    expect(trainer.get_by_text("0 of 0")).to_be_visible()
    learners = [new_page(), new_page("dark")]
    learners[0].goto(f"{own_server.url}/learn?class={code[1]}")
    learners[1].goto(f"{own_server.url}/learn")
    _ready(learners[1], "Class")
    learners[1].get_by_label("Or join one: its code").fill(code[1].lower())
    learners[1].get_by_role("button", name="Join").click()  # once, the field not left before
    for learner, answer in zip(learners, ("It gets slower", "Nothing to speak of"), strict=True):
        _ready(learner, "Join the class")
        _choose(learner, answer)
        _ready(learner, "Send my guess")
        expect(learner.get_by_text("Sent: ")).to_be_visible()
    expect(trainer.get_by_text("2 of 2")).to_be_visible()
    learners[0].reload()  # the tab remembers who this is
    expect(learners[0].get_by_text("Sent: It gets slower")).to_be_visible()
    trainer.reload()
    _ready(trainer, "Measure now")
    for page in (trainer, *learners):
        expect(page.get_by_text(MEASURED)).to_be_visible(timeout=LONG_MS)
        expect(page.get_by_text(re.compile(r"measured$")).first).to_be_visible()
    seen = [page.get_by_role("heading", name="Speed-up").inner_text() for page in learners]
    assert seen[0] == seen[1]
    assert learners[0].get_by_role("button", name="Measure").count() == 0


def test_the_tour_is_walked_by_keyboard_and_comes_once(server: Server, new_page: NewPage) -> None:
    page = new_page()
    page.goto(server.url)
    tour = page.get_by_role("region", name="Tour of the application")
    expect(tour.get_by_text("1 of 7")).to_be_visible()
    expect(page.get_by_role("button", name="Open").first).to_be_enabled()  # it blocks nothing
    tour.get_by_role("button", name="Next").focus()
    for step in range(2, 8):
        page.keyboard.press("Enter")
        expect(tour.get_by_text(f"{step} of 7")).to_be_visible()
    page.keyboard.press("Enter")
    expect(tour).to_be_hidden()
    page.reload()
    expect(page.get_by_text("Start with a sample")).to_be_visible()
    expect(tour).to_be_hidden()


def test_escape_closes_the_tour_for_good(server: Server, new_page: NewPage) -> None:
    page = new_page()
    page.goto(server.url)
    tour = page.get_by_role("region", name="Tour of the application")
    expect(tour).to_be_visible()
    page.keyboard.press("Escape")
    expect(tour).to_be_hidden()
    page.reload()
    expect(page.get_by_text("Start with a sample")).to_be_visible()
    expect(tour).to_be_hidden()
