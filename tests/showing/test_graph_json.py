"""A graph as the viewer draws it."""

from collections.abc import Sequence

import pytest

from optim.graph import NodeRow
from optim.showing.graph_json import Drawn, collections, graph_json, homes, opened, scope_of


def row(
    name: str, reads: Sequence[str] = (), writes: Sequence[str] = (), **more: object
) -> NodeRow:
    return NodeRow(name=name, op=more.pop("op", "Add"), reads=reads, writes=writes, **more)


@pytest.mark.parametrize(
    ("name", "scope"),
    [("/encoder/layer.0/attention/MatMul", "encoder/layer.0/attention"), ("MatMul_3", ""),
     ("encoder.layer.0.attention.MatMul", "encoder/layer.0/attention"), ("/Add", ""), ("", "")],
)  # fmt: skip
def test_modules_are_told_by_names(name: str, scope: str) -> None:
    assert scope_of(row(name)) == scope


def test_modules_that_the_exporter_recorded_come_first() -> None:
    assert scope_of(row("n", scope=("layers.0", "layers.0.attention"))) == "layers.0/attention"


def test_edges_lead_from_outputs_to_inputs_and_constants_are_left_out() -> None:
    rows = [
        row("shape", writes=["s"], op="Constant"),
        row("a", ["x", "s"], ["h", "h2"]),
        row("b", ["h2", "x"], ["y"], flops=2_000_000, bytes=4_000, precision="fp32"),
    ]
    drawn = Drawn("g", rows, ["x: float32[1,8]"], ["y: float32[1,8]"], {"b": [("change", "new")]})
    nodes = {node["id"]: node for node in graph_json(drawn)["nodes"]}
    assert list(nodes) == ["Inputs: x", "a", "b", "Outputs: y"]
    edges = [(e["sourceNodeId"], e["sourceNodeOutputId"]) for e in nodes["b"]["incomingEdges"]]
    assert edges == [("a", "1"), ("Inputs: x", "0")]
    assert [edge["sourceNodeId"] for edge in nodes["Outputs: y"]["incomingEdges"]] == ["b"]
    said = {entry["key"]: entry["value"] for entry in nodes["b"]["attrs"]}
    assert said["FLOPs"] == "2 M" and said["bytes moved"] == "4 kB" and said["change"] == "new"


def test_ids_are_used_once_and_may_be_another_nodes_name() -> None:
    rows = [row("a", writes=["t"]), row("a", ["t"], ["u"]), row("b", ["u"])]
    nodes = graph_json(Drawn("g", rows, ids={"b": "before"}))["nodes"]
    assert [node["id"] for node in nodes] == ["a", "before"]
    assert nodes[1]["incomingEdges"][0]["sourceNodeId"] == "a"


def test_names_from_files_are_made_legible() -> None:
    nodes = graph_json(Drawn("g", [row("/x\u202e/\x00y/Add")]))["nodes"]
    assert nodes[0]["namespace"].isprintable()


@pytest.mark.parametrize("count", [50, 51, 2_000, 10_000])
@pytest.mark.parametrize("name", ["n{}", "/encoder/layer.{}/Add", "layer.{}/mlp/Add"])
def test_nowhere_are_too_many_side_by_side(count: int, name: str) -> None:
    found = homes(Drawn("g", [row(name.format(i)) for i in range(count)]))
    inside: dict[str, set[str]] = {}
    for place, home in enumerate(found):
        levels = home.split("/") if home else []
        for depth, level in enumerate((*levels, f"node {place}")):
            inside.setdefault("/".join(levels[:depth]), set()).add(level)
    assert max(map(len, inside.values())) <= 50
    assert (" to " in found[0]) == (count > 50)


def test_modules_are_parted_by_the_names_of_their_first_and_last() -> None:
    found = homes(Drawn("g", [row(f"/encoder/layer.{i}/mlp/Add") for i in range(60)]))
    assert found[0] == "encoder/layer.0 to layer.49/layer.0/mlp"
    assert found[59] == "encoder/layer.50 to layer.59/layer.59/mlp"


def test_modules_are_open_at_first_while_few_nodes_are_seen() -> None:
    small = [row(f"/block.{i}/n{j}") for i in range(3) for j in range(4)]
    assert opened(Drawn("g", small)) == [f"block.{i}___group___" for i in range(3)]
    large = [row(f"/block.{i}/n{j}") for i in range(3) for j in range(40)]
    assert opened(Drawn("g", large)) == []


def test_all_graphs_are_in_one_collection() -> None:
    found = collections("both", [Drawn("a", []), Drawn("b", [])])["graphCollections"]
    assert [[graph["id"] for graph in one["graphs"]] for one in found] == [["a", "b"]]
