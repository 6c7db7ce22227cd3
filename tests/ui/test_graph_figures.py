"""Figures on the graph: which are offered, what is compared, what a chosen node is said to be."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest
from support.explored import visited

from optim.explaining.profile import ProfiledNode
from optim.graph import Analysis, NodeRow
from optim.showing.graph_json import Drawn
from optim.studies.study import Study
from ui.graph_facts import ENGINE
from ui.graph_figures import listed
from ui.nodes import runs_as
from ui.server import viewer
from ui.text import key_of

OVERLAYS = ["Time", "µs", "Precision", "FLOPs", "Bytes", "Bound by", "Zeros"]


@pytest.fixture
def page(explored: Study) -> AppTest:
    """The page with the picture of the original, its FLOPs on it."""
    return visited("graph", explored, overlay="flops")


def overlays(page: AppTest) -> Any:
    return page.button_group[1]


def choose(page: AppTest, label: str, value: str) -> AppTest:
    return next(box for box in page.selectbox if box.label == label).set_value(value).run()


def drawn(page: AppTest, study: Study) -> AppTest:
    """What the browser reports once the picture is drawn."""
    page.session_state[key_of("graph", study.name)] = {"drawn": told(page)["page"]}
    return page.run()


def measure(page: AppTest) -> None:
    next(button for button in page.button if button.label == "Measure time per node").click().run()
    assert not page.exception and not page.error


def told(page: AppTest) -> dict[str, Any]:
    """What the picture is told to draw."""
    given = [json.loads(one.proto.json or "{}") for one in page.get("bidi_component")]
    found: dict[str, Any]
    (found,) = [one for one in given if isinstance(one, dict) and "page" in one]
    return found


def node_data(page: AppTest) -> dict[str, dict[str, Any]]:
    """Graph -> node -> what is drawn on it, as the viewer would load it."""
    text = viewer._overlays.get(told(page)["overlay"].rpartition("/")[2])
    assert text
    return {name: one["results"] for name, one in json.loads(json.loads(text)["content"]).items()}


def test_an_address_opens_the_figures(page: AppTest) -> None:
    assert not page.exception and not page.error
    assert overlays(page).options == OVERLAYS and overlays(page).value == "flops"
    assert told(page)["page"].startswith("/model-explorer/?data=")
    assert told(page)["legend"]["ticks"][-1] == "2.05 kFLOP"
    assert node_data(page)["original"]["MatMul_1"]["value"] == 2048


def test_the_picture_is_called_as_the_study(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Study, "title", "Loan risk")  # its file is called model.onnx
    page = visited("graph", explored, overlay="flops")
    assert told(page)["alt"] == "Graph of Loan risk with figures on its nodes"


def test_time_is_measured_and_then_the_table_says_what_a_node_runs_as(
    page: AppTest, explored: Study
) -> None:
    overlays(page).set_value("time").run()

    assert (
        "not measured yet" in told(page)["overlay"]
    )  # nothing is measured while the browser draws
    assert not page.dataframe  # nor is the table drawn meanwhile
    measure(page)
    drawn(page, explored)
    values = [one["value"] for one in node_data(page)["original"].values()]
    assert sum(values) == pytest.approx(100, abs=0.01)
    assert "measured" in told(page)["legend"]["about"]
    assert page.dataframe[0].value["share"].sum() == pytest.approx(100)
    page.session_state[key_of("node", explored.name, explored.model.digest)] = "MatMul_1"
    page.run()
    assert told(page)["node"] == "MatMul_1"
    said = [caption.value.replace("\\", "") for caption in page.caption]
    assert any(text.startswith("Chosen: MatMul_1. It runs as MatMul in fp32: ") for text in said)
    assert list(page.dataframe[0].value["node"]) == ["MatMul_1"]  # its row, wherever the table is
    assert len(page.dataframe[1].value) > 1


def test_the_hardware_of_the_estimate_is_chosen(page: AppTest) -> None:
    overlays(page).set_value("bound").run()
    choose(page, "Hardware", "nvidia_h100")
    kinds = {one["value"] for one in node_data(page)["original"].values()}
    assert kinds == {"dispatch"}  # so small a model only waits for a GPU to start


@pytest.mark.parametrize("from_the_original", [True, False])
def test_two_models_are_compared_and_alike_nodes_share_an_id(
    page: AppTest, explored: Study, from_the_original: bool
) -> None:
    pair = explored.model.digest, explored.trial(1).model_digest
    chosen, other = pair if from_the_original else pair[::-1]
    choose(choose(page, "Model", chosen), "Compare with", other)
    assert not page.exception and not page.error
    assert next(iter(node_data(page))) == "original"
    assert {*overlays(page).options} == {"Differences", "Error", *OVERLAYS}
    left, right = node_data(page).values()
    assert {one["value"] for one in left.values()} <= {"same", "changed", "fused", "removed"}
    assert "added" in {one["value"] for one in right.values()}
    assert "MatMul_1" in left and "MatMul_1" in right
    table = drawn(page, explored).dataframe[0].value
    assert {"node", "change", "became"} <= set(table.columns)
    assert (table["change"] == "added").any()
    fused = page.dataframe[0].value.iloc[0]["became"].split(" + ")[-1]
    page.session_state[key_of("node", explored.name, chosen)] = fused
    assert fused in page.run().dataframe[0].value["became"].item()


def test_the_engines_own_graph_is_the_third_view(page: AppTest) -> None:
    choose(page, "Compare with", ENGINE)
    assert not page.exception and not page.error
    assert list(node_data(page)) == ["original", "what ONNX Runtime runs"]
    overlays(page).set_value("precision").run()
    measure(page)
    assert {one["value"] for one in node_data(page)["what ONNX Runtime runs"].values()} == {"fp32"}


def test_errors_are_drawn_on_the_optimized_and_on_the_original(
    page: AppTest, explored: Study
) -> None:
    page.run()
    assert "Error" not in overlays(page).options  # it is the original itself
    choose(page, "Compare with", explored.trial(1).model_digest)
    overlays(page).set_value("error").run()
    assert not page.exception and not page.error
    for side in node_data(page).values():
        assert side and all(0 < one["value"] < 100 for one in side.values())


def test_a_trial_is_shown_by_its_own_engine(explored: Study) -> None:
    """Trial 2 runs the original, as trial 0 does, by another engine."""
    page = visited("graph", explored, overlay="flops", trial="2")
    assert next(box for box in page.selectbox if box.label == "Engine").value == "openvino"


def test_without_the_viewer_the_page_says_how_to_get_it(
    explored: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer, "PACKAGE", "no_such_package")
    page = visited("graph", explored, overlay="flops")
    assert "pip install --no-deps" in page.info[0].value and not page.exception


def test_a_fused_node_says_what_it_is_made_of() -> None:
    rows = tuple(NodeRow(name=name, op=op) for name, op in (("c", "Conv"), ("r", "Relu")))
    node = ProfiledNode(
        name="c", op="FusedConv", microseconds=1, share=0.5, precision="float", rows=rows
    )
    assert runs_as("r", [node]) == (
        "It runs as FusedConv, made of Conv + Relu in fp32: 50 % of the time."
    )
    assert runs_as("x", [node]) == runs_as(None, [node]) == ""
    lstm = NodeRow(name="l", op="DynamicQuantizeLSTM")
    bytes_of = {"name": "l", "op": lstm.op, "rows": (lstm,)}
    said = runs_as("l", [node.model_copy(update=bytes_of)])
    assert said == "It runs as DynamicQuantizeLSTM in int8: 50 % of the time."


def test_what_is_not_drawn_is_not_listed_either() -> None:
    """A row of a constant led to nothing in the picture."""
    rows = tuple(NodeRow(name=op, op=op) for op in ("Constant", "Add"))
    graph = Analysis.model_construct(nodes=rows)
    assert list(listed(Drawn("g", rows), graph)["node"]) == ["Add"]
