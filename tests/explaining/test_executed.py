"""What was executed: made-up times on a real graph, real profiles of both engines."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from optim.explaining.executed import (
    Side,
    executed,
    pairs,
    precisions,
    time_by_operator,
    wanted_precision,
)
from optim.explaining.profile import join_profile
from optim.graph import Analysis, match_graphs
from optim.graph.analysis import analyse
from optim.graph.weights import weigh
from optim.recipe import Recipe
from optim.runtimes.base import NodeTime


def write(folder: Path, nodes: list[onnx.NodeProto], inputs: dict, outputs: dict, weights: dict):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution with batch normalization and ReLU, then two products, one without weights."""
    random = np.random.default_rng(0)
    weights = {
        "w": random.normal(size=(8, 3, 3, 3)).astype(np.float32),
        **{n: np.abs(random.normal(size=8)).astype(np.float32) for n in ("s", "b", "m", "v")},
        "flat": np.array([8, 64]),
        "p": random.normal(size=(64, 32)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", "s", "b", "m", "v"], ["n"], name="norm"),
        helper.make_node("Relu", ["n"], ["r"], name="relu"),
        helper.make_node("Reshape", ["r", "flat"], ["f"], name="reshape"),
        helper.make_node("MatMul", ["f", "p"], ["h"], name="dense"),
        helper.make_node("Transpose", ["h"], ["t"], name="turn", perm=[1, 0]),
        helper.make_node("MatMul", ["h", "t"], ["y"], name="similarity"),
    ]
    shapes = {"x": [1, 3, 8, 8]}, {"y": [8, 8]}
    return write(tmp_path_factory.mktemp("network"), nodes, *shapes, weights)


@pytest.fixture(scope="module")
def graph(network: Path) -> Analysis:
    return analyse(network)


def side(graph: Analysis, *times: NodeTime, wanted: str = "", p50: float | None = None) -> Side:
    return Side(analysis=graph, profile=join_profile(graph, times), wanted=wanted, p50_us=p50)


def usual(
    conv: float = 100,
    dense: float = 50,
    similarity: float = 10,
    precision: str = "float",
    *more: NodeTime,
    wanted: str = "",
    p50: float | None = None,
):
    """A profile such as engines give: the convolution fused with what follows it."""

    def kind(graph: Analysis) -> Side:
        return side(
            graph,
            NodeTime("conv_fused", "Convolution", conv, ("norm", "relu"), precision),
            NodeTime("dense", "MatMul", dense, ("dense",), precision),
            NodeTime("turn", "Transpose", 2, ("turn",), "float"),
            NodeTime("similarity", "MatMul", similarity, ("similarity",), "float"),
            *more,
            wanted=wanted,
            p50=p50,
        )

    return kind


def test_a_fused_node_stands_for_its_convolution_though_the_engine_names_only_the_rest(
    graph: Analysis,
) -> None:
    found = {work.name: work for work in executed(usual()(graph))}
    assert found["conv"].op == "Conv" and found["conv"].executed_op == "Convolution"
    assert found["conv"].multiplies and found["conv"].has_weights
    assert not found["similarity"].has_weights
    assert not found["turn"].multiplies and not found["turn"].converts


def test_a_node_that_only_moves_data_is_not_given_a_product(graph: Analysis) -> None:
    wrong = side(graph, NodeTime("turned", "Transpose", 5, ("dense", "turn"), "float"))
    assert [work.multiplies for work in executed(wrong)] == [False]


def test_two_products_are_not_one_node_by_accident(graph: Analysis) -> None:
    only_last = side(graph, NodeTime("similarity", "MatMul", 5, ("similarity",), "float"))
    assert [work.name for work in executed(only_last)] == ["similarity"]


def test_times_add_up_by_the_graphs_operators(graph: Analysis) -> None:
    both = usual(100, 50, 10, "float", NodeTime("r", "Reorder", 7))(graph)
    assert time_by_operator(both) == {"Conv": 100, "MatMul": 60, "Reorder": 7, "Transpose": 2}
    assert both.total_us == 169


@pytest.mark.parametrize(
    ("spelling", "executed"),
    [("float", "fp32"), ("f32", "fp32"), ("uint8", "int8"), ("i8", "int8"), ("bf16", "bf16")],
)
def test_precisions_have_one_name_each(graph: Analysis, spelling: str, executed: str) -> None:
    found = precisions(usual(precision=spelling)(graph))
    assert found["Conv"] == {executed: 1}
    assert sum(found["MatMul"].values()) == 2 and found["MatMul"]["fp32"] >= 1


def test_an_integer_operator_is_int8_whatever_its_input(graph: Analysis) -> None:
    dynamic = side(graph, NodeTime("dense", "DynamicQuantizeMatMul", 5, ("dense",), "float"))
    assert precisions(dynamic) == {"MatMul": {"int8": 1}}


@pytest.mark.parametrize(
    ("recipe", "precision"),
    [
        ("static_int8 + openvino", "int8"),
        ("dynamic_int8", "int8"),
        ("fp16", "fp16"),
        ("openvino:precision=bf16", "bf16"),
        ("openvino", ""),
        ("onnxruntime", ""),
    ],
)
def test_what_a_recipe_asks_for(recipe: str, precision: str) -> None:
    assert wanted_precision(Recipe.parse(recipe)) == precision


@pytest.fixture(scope="module")
def profiled(network: Path, graph: Analysis) -> dict[str, Side]:
    """Real profiles of the network by both engines."""
    feeds = {"x": np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)}
    return {
        text: Side(
            analysis=graph,
            profile=join_profile(graph, Recipe.parse(text).runtime.profile(network, feeds, 5)),
        )
        for text in ("onnxruntime", "onnxruntime:graph=off", "openvino")
    }


@pytest.mark.parametrize("engine", ["onnxruntime", "onnxruntime:graph=off", "openvino"])
def test_every_engine_is_seen_to_run_every_product(engine: str, profiled: dict[str, Side]) -> None:
    assert precisions(profiled[engine]) == {"Conv": {"fp32": 1}, "MatMul": {"fp32": 2}}


def test_both_engines_products_are_matched_by_name(profiled: dict[str, Side]) -> None:
    found = {pair.name: pair for pair in pairs(profiled["onnxruntime"], profiled["openvino"])}
    for name in ("conv", "dense", "similarity"):
        assert found[name].before_us is not None and found[name].after_us is not None
    assert found["conv"].op == "Conv"


def test_pairs_follow_tensors_and_weights_not_names(network: Path, tmp_path: Path) -> None:
    """A pass may rename every node and every tensor between them."""
    renamed = onnx.load(network)
    for place, node in enumerate(renamed.graph.node):
        node.name = f"n{place}"
        node.input[:] = [f"t.{t}" if t in "cnrfht" else t for t in node.input]
        node.output[:] = [f"t.{t}" if t in "cnrfht" else t for t in node.output]
    onnx.save(renamed, tmp_path / "renamed.onnx")
    paths = (network, tmp_path / "renamed.onnx")
    graphs, weights = [analyse(path) for path in paths], [weigh(path).tensors for path in paths]
    names = {row.name for row in graphs[0].nodes}
    assert names.isdisjoint(row.name for row in graphs[1].nodes)

    ran = [NodeTime(row.name, row.op, 10, (row.name,), "float") for row in graphs[1].nodes]
    origins = match_graphs(*graphs, *weights).origins
    after = side(graphs[1], *ran).model_copy(update={"origins": origins})
    found = pairs(usual()(graphs[0]), after)
    both = {pair.name for pair in found if pair.before_us and pair.after_us}
    assert {"conv", "dense", "turn", "similarity"} <= both
    assert {pair.name for pair in found} <= names
