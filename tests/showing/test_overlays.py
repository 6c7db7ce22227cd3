"""Figures on the nodes of a graph: each overlay, its scale, its legend."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import optim.showing.overlays as package
from optim.explaining.profile import ProfiledNode
from optim.graph import NodeRow, Weight
from optim.showing.overlay import (
    Classes,
    Facts,
    Overlay,
    Ramp,
    _ink,
    all_overlays,
    lay,
    unmeasured,
)

CONV = NodeRow(
    name="conv", op="Conv", flops=1000, bytes=400, params=8, reads=("x", "w"), precision="fp32"
)
RELU = NodeRow(name="relu", op="Relu", flops=10, bytes=80, precision="fp32")
FACTS = Facts(
    nodes=(CONV, RELU),
    profile=(
        ProfiledNode(
            name="conv", op="FusedConv", microseconds=30, share=0.75, precision="float",
            rows=(CONV, RELU),
        ),
        ProfiledNode(name="reorder", op="ReorderOutput", microseconds=10, share=0.25),
    ),
    errors=(SimpleNamespace(node="conv", sqnr_db=40.0), SimpleNamespace(node="conv", sqnr_db=12.0),
            SimpleNamespace(node="relu", sqnr_db=None)),
    weights={"w": Weight(digest="d", elements=8, zeros=6)},
    bounds={"conv": "compute", "relu": "memory"},
    match={"conv": "fused", "relu": "fused"},
)  # fmt: skip
EXPECTED = {
    "time": {"conv": 75.0, "reorder": 25.0},
    "microseconds": {"conv": 30.0, "reorder": 10.0},
    "precision": {"conv": "fp32", "relu": "fp32", "reorder": "converts type or layout"},
    "error": {"conv": 12.0},
    "flops": {"conv": 1000.0, "relu": 10.0},
    "bytes": {"conv": 400.0, "relu": 80.0},
    "bound": {"conv": "compute", "relu": "memory"},
    "sparsity": {"conv": 75.0},
    "change": {"conv": "fused", "relu": "fused"},
}


def test_every_overlay_is_expected_here() -> None:
    assert all_overlays().keys() == EXPECTED.keys()
    ranks = [overlay.rank for overlay in all_overlays().values()]
    assert ranks == sorted(set(ranks))


@pytest.mark.parametrize("name", EXPECTED)
def test_values_are_read_off_the_facts(name: str) -> None:
    assert all_overlays()[name].values(FACTS) == EXPECTED[name]


@pytest.mark.parametrize("name", EXPECTED)
def test_it_says_what_it_is_and_has_a_legend(name: str) -> None:
    overlay = all_overlays()[name]
    laid = lay(overlay, {"g": FACTS})
    assert overlay.about.endswith(".") and len(overlay.title) < 20
    results = laid.node_data["g"]["results"]
    assert results.keys() == EXPECTED[name].keys()
    assert all(re.fullmatch("#[0-9a-f]{6}", one["bgColor"]) for one in results.values())
    if isinstance(overlay.scale, Classes):
        texts = [entry["text"] for entry in laid.legend["entries"]]
        assert sum(int(text.split()[-1]) for text in texts) == len(results)
    else:
        assert len(laid.legend["ticks"]) == 3


@pytest.mark.parametrize("name", EXPECTED)
def test_without_facts_it_colours_nothing_and_still_has_a_legend(name: str) -> None:
    laid = lay(all_overlays()[name], {"g": Facts(nodes=())})
    assert laid.node_data["g"]["results"] == {}
    assert not laid.legend.get("entries") and not laid.legend.get("ticks")


def test_what_is_not_measured_yet_needs_nothing_and_colours_nothing() -> None:
    time = unmeasured(all_overlays()["time"])
    laid = lay(time, {"g": FACTS})
    assert not time.needs and laid.node_data["g"]["results"] == {}
    assert laid.legend["entries"] == [] and "not measured yet" in laid.legend["title"]


def test_two_graphs_share_one_scale_and_ids_stand_for_names() -> None:
    less = Facts(nodes=(CONV.model_copy(update={"flops": 250}),), ids={"conv": "other"})
    laid = lay(all_overlays()["flops"], {"a": FACTS, "b": less})
    alone = lay(all_overlays()["flops"], {"b": less})
    color = laid.node_data["b"]["results"]["other"]["bgColor"]
    assert color != alone.node_data["b"]["results"]["other"]["bgColor"]
    assert color == "#fe9929"  # a quarter of the most: the middle of a scale that spreads low ones


def test_a_scale_holds_its_ends_and_what_lies_outside() -> None:
    ramp = Ramp(str, power=1.0, least=0.0, most=10.0)
    ends = ramp.ends([3.0])
    assert ramp.color(-5, ends) == ramp.colors[0] and ramp.color(99, ends) == ramp.colors[-1]
    assert ramp.color(5, ends) == ramp.colors[2]
    assert [ramp.tick(place, ends) for place in (0, 0.5, 1)] == ["0.0", "5.0", "10.0"]


def test_what_is_largest_stands_out_from_a_dark_page_too() -> None:
    flops = all_overlays()["flops"]
    light, dark = lay(flops, {"g": FACTS}), lay(flops, {"g": FACTS}, dark=True)
    assert dark.legend["ramp"] == light.legend["ramp"][::-1]
    colors = [one.node_data["g"]["results"]["conv"]["bgColor"] for one in (light, dark)]
    assert colors == [light.legend["ramp"][-1], light.legend["ramp"][0]]
    words = all_overlays()["bound"]
    assert lay(words, {"g": FACTS}) == lay(words, {"g": FACTS}, dark=True)


def test_shares_of_nodes_are_not_summed() -> None:
    hidden = "hideInChildrenStatsTable"
    for name, without in (("flops", False), ("sparsity", True), ("error", True)):
        (data,) = lay(all_overlays()[name], {"g": FACTS}).node_data.values()
        assert data.get(hidden, False) is without


def test_a_file_is_all_that_a_new_overlay_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from optim.showing.overlay import Overlay, Ramp\n"
        "OVERLAY = Overlay(name='params', title='Parameters', about='How many.', rank=99,\n"
        "    values=lambda facts: {row.name: float(row.params) for row in facts.nodes},\n"
        "    scale=Ramp(str))\n"
    )
    (tmp_path / "params.py").write_text(code)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    all_overlays.cache_clear()
    try:
        added: Overlay = all_overlays()["params"]
        assert list(all_overlays())[-1] == "params"
        assert added.values(FACTS) == {"conv": 8.0, "relu": 0.0}
    finally:
        sys.modules.pop("optim.showing.overlays.params", None)
        all_overlays.cache_clear()


@pytest.mark.parametrize(("color", "ink"), [("#56b4e9", "#000000"), ("#002b5c", "#ffffff")])
def test_names_stand_out_from_the_colour_of_their_nodes(color: str, ink: str) -> None:
    assert _ink(color) == ink
