"""The viewer for figures on the graph: served from here alone, nothing but what was offered."""

import gzip
import json
import re
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from support.asking import Asking, served

from ui.server import viewer
from ui.server.viewer import (
    PREFIX,
    offer_graphs,
    offer_overlay,
    overlay_path,
    served_text,
    viewer_page,
)

PANE = {"paneStates": [{"selectedGraphId": "g"}]}
FILES = sorted(path.name for path in viewer._folder().iterdir() if path.suffix in (".js", ".css"))


@pytest.fixture(scope="module")
def get() -> Iterator[Asking]:
    with served(Starlette(routes=viewer.viewer_routes())) as ask:
        yield ask


def test_the_page_may_ask_nobody_else(get: Asking) -> None:
    page = get(viewer_page(1, "m", PANE))
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "connect-src 'self'" in policy
    assert "script-src 'self';" in policy and "font-src 'self';" in policy
    assert "https://" not in page.text.replace("https://www.apache.org", "")
    assert "onload=" not in page.text  # the policy runs no scripts within the page


def test_what_the_page_names_is_there(get: Asking) -> None:
    page = get(f"{PREFIX}/").text
    assert page.count("<base ") == 1 and f'<base href="{PREFIX}/">' in page
    named = [one for one in re.findall(r'(?:src|href)="([^"]+)"', page) if one != f"{PREFIX}/"]
    assert len(named) >= 6
    for address in named:
        path = address if address.startswith("/") else f"{PREFIX}/{address}"
        assert path.startswith(PREFIX) and get(path).status == 200, address
    assert get(f"{PREFIX}/static_files/worker_deps.js").status == 200


@pytest.mark.parametrize("file", [*FILES, "index.html"])
def test_no_address_points_outside_the_prefix(file: str) -> None:
    absolute = r"""["'(`]/(?:api|apipost|apistream|static_files)/"""
    assert not re.search(absolute, served_text(file))
    assert not re.search(r"""url\(["']?(?:https?:)?//""", served_text(file))


def test_every_change_of_the_script_is_made(get: Asking) -> None:
    """The script is minified: of another version the changes may meet nothing."""
    script = next(file for file in FILES if file.startswith("main"))
    original = (viewer._folder() / script).read_text(encoding="utf-8")
    for found, ours in viewer._CHANGES.items():
        assert original.count(found) == 1 and ours in served_text(script)


@pytest.mark.parametrize("file", FILES)
def test_its_files_come_packed_for_who_can_unpack_them(get: Asking, file: str) -> None:
    plain, small = (get(f"{PREFIX}/{file}", asked) for asked in ({}, {"Accept-Encoding": "gzip"}))
    assert small.headers["content-encoding"] == "gzip"
    assert "sandbox" in small.headers["content-security-policy"]
    assert gzip.decompress(small.body) == plain.body == served_text(file).encode()


def test_what_was_offered_is_answered_and_nothing_else(get: Asking) -> None:
    graphs, figures = {"graphCollections": []}, {"g": {"results": {"n": {"value": 1}}}}
    number, overlay = offer_graphs(json.dumps(graphs)), offer_overlay(figures)
    assert offer_graphs(json.dumps(graphs)) == number < 2**53  # JavaScript reads it as a float
    api = f"{PREFIX}/api/v1"
    assert json.loads(get(f"{api}/load_graphs_json?graph_index={number}").text) == graphs
    answer = get(f"{api}/load_node_data?node_data_index={overlay}")
    assert json.loads(json.loads(answer.text)["content"]) == figures
    assert answer.headers["content-type"].startswith("application/json")
    assert [one["id"] for one in json.loads(get(f"{api}/get_extensions").text)] == ["builtin_json"]
    for path in (
        f"load_graphs_json?graph_index={overlay}",
        "load_graphs_json?graph_index=-1",
        "load_graphs_json?graph_index=x",
        "load_graphs_json",
        "read_text_file?path=/etc/passwd",
        "check_new_version",
        "send_command",
    ):
        assert get(f"{api}/{path}").status == 404, path


@pytest.mark.parametrize(
    "path",
    ["/../app.py", "/%2e%2e/app.py", "/index.html.bak", "/server.py", "/..%2fserver.py",
     "/static_files/../../server.py", "/static_files/%2e%2e/%2e%2e/server.py", "/ours/../viewer.py",
     "/static_files/", "/apipost/v1/upload", "/apistream/server_director"],
)  # fmt: skip
def test_nothing_else_is_served(get: Asking, path: str) -> None:
    assert get(f"{PREFIX}{path}").status == 404


def test_the_oldest_offers_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "_MOST_LETTERS", 30)
    offered = viewer._Offered()
    first, second = offered.add("a" * 10), offered.add("b" * 10)
    assert offered.add("a" * 10) == first  # now the newest, and not counted twice
    offered.add("c" * 15)
    assert offered.get(str(second)) is None and offered.get(str(first)) == "a" * 10
    longest = offered.add("d" * 99)
    assert offered.get(str(longest)) == "d" * 99 and offered.get(str(first)) is None


def test_names_of_models_stay_one_part_of_addresses() -> None:
    assert "%26" in viewer_page(7, "a & b", PANE) and "&b" not in viewer_page(7, "a&b", PANE)
    assert overlay_path(3, "Time / node") == "node_data://Time   node/3"


def test_two_panes_select_together() -> None:
    two = {"paneStates": [*PANE["paneStates"], {"selectedGraphId": "h"}]}
    assert "match_node_id" in viewer_page(1, "m", two)
    assert "match_node_id" not in viewer_page(1, "m", PANE)


def test_without_the_package_there_are_no_routes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewer, "PACKAGE", "no_such_package")
    assert not viewer.installed() and viewer.viewer_routes() == []
