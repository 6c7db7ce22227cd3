"""Reasons follow from profiles: made-up times on a real graph, real profiles of both engines."""

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
from optim.explaining.explain import Reason, explain
from optim.explaining.profile import join_profile
from optim.graph import Analysis
from optim.graph.analysis import analyse
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


def by_code(reasons: tuple[Reason, ...]) -> dict[str, Reason]:
    return {reason.code: reason for reason in reasons}


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


def test_products_that_kept_their_precision_are_named(graph: Analysis) -> None:
    after = usual(30, 20, 10, "uint8", wanted="int8")(graph)
    reason = by_code(explain(usual()(graph), after))["not_lowered"]
    assert reason.kind == "cost" and reason.share == pytest.approx(10 / 62)
    assert "1 of 3 matrix operators do not run in int8" in reason.text
    assert "similarity" in reason.text and "no weights to convert" in reason.text
    assert "Convolution" not in reason.text
    unasked = by_code(explain(usual()(graph), usual(30, 20, 10, "uint8")(graph)))
    assert "not_lowered" not in unasked


def test_it_is_said_when_all_products_have_the_precision(graph: Analysis) -> None:
    times = [
        NodeTime("conv_fused", "Convolution", 9, ("norm",), "bf16"),
        NodeTime("dense", "FullyConnected", 9, ("dense",), "bf16"),
    ]
    found = by_code(explain(usual()(graph), side(graph, *times, wanted="bf16")))
    assert found["all_lowered"].text == "Every matrix operator (2) runs in bf16."


def test_added_conversions_have_their_share(graph: Analysis) -> None:
    more = [NodeTime(f"r{i}", "Reorder", 19) for i in range(2)]
    after = usual(100, 50, 10, "float", *more)(graph)
    reason = by_code(explain(usual()(graph), after))["conversions"]
    assert reason.kind == "cost" and reason.share == pytest.approx(38 / 200)
    assert "2 changes of type or layout (Reorder 2) take 19 %" in reason.text
    assert "conversions" not in by_code(explain(after, after))


def test_the_nodes_that_got_slower_are_named_the_worst_first(graph: Analysis) -> None:
    after = usual(100, 90, 40, "uint8")(graph)
    slower = [r.text for r in explain(usual()(graph), after) if r.code == "slower"]
    assert [text.split()[0] for text in slower] == ["dense", "similarity"]
    assert "50 µs became 90 µs, run as MatMul in int8" in slower[0]
    a_little = usual(102, 55, 11)(graph)
    assert not [r for r in explain(usual()(graph), a_little) if r.code == "slower"]


def test_what_got_faster_is_summed_by_operator(graph: Analysis) -> None:
    reasons = explain(usual()(graph), usual(25, 20, 10)(graph))
    gains = [reason for reason in reasons if reason.code == "faster"]
    assert [reason.text.split()[0] for reason in gains] == ["Conv", "MatMul"]
    assert gains[0].share == pytest.approx(75 / 162)
    assert "100 µs became 25 µs" in gains[0].text and gains[0].kind == "gain"


def test_time_outside_the_nodes_is_said(graph: Analysis) -> None:
    far, near = usual(p50=1620)(graph), usual(p50=170)(graph)
    assert by_code(explain(far, far))["outside"].share == pytest.approx(0.9)
    assert "outside" not in by_code(explain(near, near))


def test_a_profile_far_longer_than_the_run_explains_nothing(graph: Analysis) -> None:
    longer = usual(25, 127, 10, p50=100)(graph)
    reasons = explain(usual()(graph), longer)
    assert [reason.code for reason in reasons] == ["disturbed", "total"]
    assert not [reason for reason in reasons if reason.kind != "note"]
    longer = usual(p50=100)(graph)
    text = by_code(explain(usual()(graph), longer))["disturbed"].text
    assert "162 µs" in text and "100 µs" in text
    assert "disturbed" not in by_code(explain(usual(p50=150)(graph), usual(p50=170)(graph)))


def test_costs_come_first_and_the_same_is_no_reason(graph: Analysis) -> None:
    one = usual()(graph)
    (only,) = explain(one, one)
    assert only.code == "total" and only.kind == "note"
    after = usual(25, 90, 10, "float", NodeTime("cast", "Cast", 30))(graph)
    kinds = [reason.kind for reason in explain(one, after)]
    assert kinds == sorted(kinds, key=("cost", "gain", "note").index)
    assert kinds[0] == "cost" and "gain" in kinds


def test_an_empty_profile_explains_nothing_and_does_not_fail(graph: Analysis) -> None:
    reasons = explain(side(graph), side(graph, wanted="int8", p50=0.0))
    assert [reason.code for reason in reasons] == ["total"]


def test_names_from_a_hostile_file_are_shortened(tmp_path: Path) -> None:
    name = "evil\n\u202e" + "x" * 5000
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name=name)
    weights = {"w": np.ones((4, 4), np.float32)}
    graph = analyse(write(tmp_path, [node], {"x": [1, 4]}, {"y": [1, 4]}, weights))
    sides = [side(graph, NodeTime(name, "MatMul", us, (name,), "float")) for us in (10, 90)]
    (reason,) = [reason for reason in explain(*sides) if reason.code == "slower"]
    assert len(reason.text) < 300 and "\n" not in reason.text and "\u202e" not in reason.text


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
