"""The main job in a real browser: bring, look, toggle, measure, click, export, replay."""

import http.client
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from playwright.sync_api import Page, expect
from support.browsing import (
    add,
    add_recipe,
    alert,
    bring,
    choose_lonely_point,
    give,
    toggle,
    trials_on_chart,
    type_recipe,
    wait_for_points,
)
from support.serving import Server
from support.study_tools import ROOT, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow]
NewPage = Callable[..., Page]
PAGES = ("", "explore", "graph", "compare", "export", "parts")


@pytest.fixture(scope="module")
def study(server: Server, files: Path, chromium: object) -> str:
    """The address of a study of the small model whose starting set is being measured."""
    page = chromium.new_page()  # type: ignore[attr-defined]
    page.set_default_timeout(60_000)
    bring(page, server.url, files / "classifier.onnx", files / "evalset.npz")
    wait_for_points(page, 2)
    query = str(page.url.partition("?")[2])
    page.close()
    return query


def test_toggle_measure_click_export_replay(
    server: Server, study: str, new_page: NewPage, tmp_path: Path
) -> None:
    page = new_page()
    page.goto(f"{server.url}/explore?{study}")
    wait_for_points(page, 2)
    type_recipe(page, "onnxruntime")  # the builder begins with what is fastest so far
    toggle(page, "Simplify the graph")
    toggle(page, "Zero the smallest weights")
    number = add(page, "simplify + magnitude_prune + onnxruntime")
    wait_for(lambda: number in trials_on_chart(page))
    choose_lonely_point(page, but=number)
    page.goto(f"{server.url}/export?{study}&trial={number}")
    page.get_by_role("button", name="Make the bundle").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download the bundle").click()
    bundle = tmp_path / "bundle.zip"
    download.value.save_as(bundle)
    replayed = subprocess.run(
        [sys.executable, "-m", "optim", "replay", str(bundle), "--json"],
        cwd=ROOT, env=server.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert replayed.returncode in (0, 1), replayed.stderr  # 1: the timing did not agree
    checks = {check["name"]: check["ok"] for check in json.loads(replayed.stdout)["checks"]}
    assert checks["hashes"] and checks["inputs"] and checks["model"], replayed.stdout


@pytest.mark.deep
def test_zoom_is_kept_while_the_chart_updates(
    server: Server, study: str, new_page: NewPage
) -> None:
    page = new_page("dark")
    page.goto(f"{server.url}/explore?{study}")
    wait_for_points(page, 2)
    zoom = "() => document.querySelector('.live-chart').layout.xaxis.range"
    given = "() => document.querySelector('.live-chart').given.xaxis"
    area = page.locator(".live-chart .nsewdrag").first.bounding_box()
    assert area
    page.mouse.move(area["x"] + 30, area["y"] + 30)
    page.mouse.down()
    page.mouse.move(area["x"] + area["width"] / 2, area["y"] + area["height"] - 30, steps=5)
    page.mouse.up()
    wait_for(lambda: page.evaluate(f"String(({zoom})()) !== ({given})()"))
    zoomed, count = page.evaluate(zoom), len(trials_on_chart(page))
    add_recipe(page, "onnxruntime:graph=off")
    wait_for_points(page, count + 1)
    assert page.evaluate(zoom) == zoomed
    zoom_out(page, lambda: page.evaluate(zoom)[1] > zoomed[1])
    add_recipe(page, "onnxruntime:graph=basic")
    wait_for(lambda: page.evaluate(f"String(({zoom})()) === ({given})()"))


def zoom_out(page: Page, done: Callable[[], bool]) -> None:
    """Double-click on the chart, again where it was being redrawn between the two clicks."""
    for _ in range(5):
        area = page.locator(".live-chart .nsewdrag").first.bounding_box()
        assert area
        page.mouse.dblclick(area["x"] + area["width"] / 2, area["y"] + 40)
        with suppress(AssertionError):
            return wait_for(done, 10)
    raise AssertionError("five double-clicks did not zoom out")


def test_the_graph_is_drawn_by_the_viewer(server: Server, study: str, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{server.url}/graph?{study}")
    viewer = page.frame_locator("iframe")
    expect(viewer.get_by_text("MatMul").first).to_be_visible()
    expect(viewer.get_by_text("Relu").first).to_be_visible()


@pytest.mark.deep
def test_hostile_names_are_only_text(server: Server, new_page: NewPage, tmp_path: Path) -> None:
    evil = "<img src=x onerror='top.hacked=1'>![a](http://example.com/a.png)"
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], [evil], name=evil),
            helper.make_node("Neg", [evil], ["y"]),
        ],
        evil,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 8])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(model, tmp_path / "evil.onnx")
    page = new_page()
    bring(page, server.url, tmp_path / "evil.onnx")
    study = page.url.partition("?")[2]
    page.goto(f"{server.url}/graph?{study}")
    page.frame_locator("iframe").get_by_text("Relu").first.click()
    page.get_by_text("Nodes and where the time goes").click()
    page.locator("[data-testid=stDataFrame]").wait_for()
    assert page.evaluate("() => window.hacked") is None


@pytest.mark.deep
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_1280_px_and_a_phone(
    server: Server, study: str, new_page: NewPage, scheme: str
) -> None:
    page = new_page(scheme)
    for name in PAGES:
        page.goto(f"{server.url}/{name}?{study}")
        page.get_by_role("heading").first.wait_for()
        page.wait_for_timeout(300)
        expect(page.locator("#first-paint")).to_be_hidden()
        for width in (390, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            wait_for(lambda: _overflow(page) <= 0)  # charts follow the width a moment later
        assert not _cut_off(page), name
        assert page.get_by_text("Something went wrong").count() == 0, name
    page.goto(f"{server.url}/explore?{study}")
    wait_for_points(page, 2)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("it => it.scrollHeight") <= 2 * 720, "Explore fits two screens"


def test_only_this_machines_own_names_are_answered(server: Server) -> None:
    def status(host: str) -> int:
        connection = http.client.HTTPConnection("localhost", server.port)
        connection.request("GET", "/healthz", headers={"Host": host})
        return connection.getresponse().status

    assert status(f"localhost:{server.port}") == status("127.0.0.1") == 200
    assert status("rebound.example") == 400


BAD = {
    "text.onnx": (b"this is no model" * 40, "text file"),
    "weights.pt": (
        b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s.",
        "pickle",
    ),
    "empty.onnx": (b"", "empty"),
}


@pytest.mark.deep
@pytest.mark.parametrize("name", BAD)
def test_bad_models_are_one_sentence(
    server: Server, study: str, new_page: NewPage, tmp_path: Path, name: str
) -> None:
    content, said = BAD[name]
    Path(tmp_path, name).write_bytes(content)
    page, complaints = new_page(), []
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.goto(server.url)
    give(page, "model", tmp_path / name)
    expect(alert(page)).to_contain_text(said)
    assert "Traceback" not in page.content() and not complaints
    page.goto(f"{server.url}/explore?{study}")  # and what was there before still is
    wait_for_points(page, 2)


def _overflow(page: Page) -> int:
    """How many pixels the page, or its main part, is wider than what is seen of it."""
    return int(
        page.evaluate(
            """() => Math.max(...[document.documentElement,
                document.querySelector("[data-testid=stMain]")]
                .map((it) => it.scrollWidth - it.clientWidth))"""
        )
    )


def _cut_off(page: Page) -> list[str]:
    """Rows of buttons, such as a choice of views, that are wider than the column they are in."""
    rows = page.locator("[data-testid=stColumn] [data-testid=stButtonGroup]")
    found: list[str] = rows.evaluate_all(
        """(all) => all.filter((row) => row.getBoundingClientRect().right
            > row.closest("[data-testid=stColumn]").getBoundingClientRect().right + 1)
            .map((row) => row.innerText)"""
    )
    return found
