"""Totals of whole graphs."""

import cProfile
import pstats
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from optim import sandbox
from optim.graph import ANALYSE
from optim.graph.analysis import analyse, analyse_json
from optim.graph.values import Analysis


def float_info(name: str, *shape: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def save(path: Path, graph: onnx.GraphProto, opset: int = 17) -> Path:
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    return path


def chain(path: Path, length: int, op: str = "Relu", domain: str = "") -> Path:
    """`length` nodes, one after another, on 8 floats."""
    nodes = [
        helper.make_node(op, [f"t{i}"], [f"t{i + 1}"], name=f"n{i}", domain=domain)
        for i in range(length)
    ]
    ends = [float_info("t0", 8)], [float_info(f"t{length}", 8)]
    return save(path, helper.make_graph(nodes, "g", *ends))


def test_totals(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["y"]),
    ]
    weight = numpy_helper.from_array(np.ones((4, 6), np.float32), "w")
    ends = [float_info("x", 2, 4)], [float_info("y", 2, 6)]
    found = analyse(save(tmp_path / "m.onnx", helper.make_graph(nodes, "g", *ends, [weight])))
    assert found.parameters == 24
    assert found.weight_bytes == 96
    assert found.weight_bytes_by_dtype == {"float32": 96}
    assert found.flops == 2 * 2 * 4 * 6 + 12
    assert found.op_histogram == {"MatMul": 1, "Relu": 1}
    assert (found.opset, found.node_count) == (17, 2)
    assert found.inputs == ("x: float32[2,4]",)
    assert found.outputs == ("y: float32[2,6]",)
    assert [row.name for row in found.nodes] == ["first", "y"]
    assert found.notes == ()
    assert Analysis.model_validate(analyse_json(str(tmp_path / "m.onnx"))) == found


def test_peak_is_the_most_alive_at_once(tmp_path: Path) -> None:
    """x stays alive for the Add; a wide branch comes and goes in between."""
    nodes = [
        helper.make_node("Concat", ["x", "x", "x"], ["wide"], axis=0),
        helper.make_node("Relu", ["wide"], ["wider"]),
        helper.make_node("ReduceSum", ["wider"], ["s"], keepdims=1),
        helper.make_node("Add", ["x", "s"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [float_info("x", 10)], [float_info("y", 10)])
    assert analyse(save(tmp_path / "m.onnx", graph)).peak_activation_bytes == 4 * (10 + 30 + 30)


def test_views_share_their_input_buffer(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([5, 2], np.int64), "shape")
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    graph = helper.make_graph(nodes, "g", [float_info("x", 10)], [float_info("y", 5, 2)], [shape])
    found = analyse(save(tmp_path / "m.onnx", graph))
    assert found.peak_activation_bytes == 40
    assert found.parameters == 0


def test_what_is_made_of_weights_alone_is_no_activation(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones(100, np.float32), "w")
    nodes = [
        helper.make_node("Relu", ["w"], ["v"]),
        helper.make_node("ReduceSum", ["v"], ["s"], keepdims=1),
        helper.make_node("Add", ["x", "s"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "g", [float_info("x", 10)], [float_info("y", 10)], [weight])
    assert analyse(save(tmp_path / "m.onnx", graph)).peak_activation_bytes == 2 * 40


@settings(max_examples=15, deadline=None)
@given(length=st.integers(1, 60))
def test_a_chain_needs_two_buffers_however_long(
    tmp_path_factory: pytest.TempPathFactory, length: int
) -> None:
    found = analyse(chain(tmp_path_factory.mktemp("chain") / "m.onnx", length))
    assert found.peak_activation_bytes == 2 * 32
    assert found.flops == 8 * length


def test_the_data_of_weights_is_not_needed(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((64, 64), np.float32), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "g", [float_info("x", 1, 64)], [], [weight])
    graph.output.append(float_info("y", 1, 64))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    onnx.save(
        *(model, tmp_path / "m.onnx"), save_as_external_data=True, location="w", size_threshold=0
    )
    (tmp_path / "w").unlink()
    found = analyse(tmp_path / "m.onnx")
    assert found.parameters == 64 * 64
    assert found.flops == 2 * 64 * 64


def body(op: str, count: int) -> onnx.GraphProto:
    nodes = [helper.make_node(op, ["x"], [f"{op}{i}"]) for i in range(count)]
    return helper.make_graph(nodes, op, [], [float_info(f"{op}{count - 1}", 10)])


def test_the_dearer_branch_of_an_if_is_counted_and_said(tmp_path: Path) -> None:
    node = helper.make_node(
        *("If", ["c"], ["y"]),
        then_branch=body("Relu", 2),
        else_branch=body("Neg", 3),
        name="choice",
    )
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    graph = helper.make_graph([node], "g", [condition, float_info("x", 10)], [float_info("y", 10)])
    found = analyse(save(tmp_path / "m.onnx", graph))
    assert found.flops == 30
    assert found.op_histogram == {"Neg": 3, "Relu": 2, "If": 1}
    assert any("choice" in note and "more FLOPs" in note for note in found.notes)


@pytest.mark.parametrize("known", [True, False])
def test_a_loop_counts_its_trips_or_says_that_it_cannot(tmp_path: Path, known: bool) -> None:
    inside = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["still"]),
            helper.make_node("Relu", ["carried"], ["next"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            float_info("carried", 10),
        ],
        [helper.make_tensor_value_info("still", TensorProto.BOOL, []), float_info("next", 10)],
    )
    node = helper.make_node("Loop", ["trips", "", "x"], ["y"], body=inside, name="loop")
    trips = numpy_helper.from_array(np.array(7, np.int64), "trips")
    inputs = [float_info("x", 10)]
    if not known:
        inputs.append(helper.make_tensor_value_info("trips", TensorProto.INT64, []))
    graph = helper.make_graph([node], "g", inputs, [float_info("y", 10)], [trips] if known else [])
    found = analyse(save(tmp_path / "m.onnx", graph))
    assert found.flops == 10 * (7 if known else 1)
    assert any("trip count" in note for note in found.notes) is not known


def test_contrib_shapes_come_from_symbolic_inference(tmp_path: Path) -> None:
    found = analyse(chain(tmp_path / "m.onnx", 3, "FastGelu", "com.microsoft"))
    assert [row.outputs for row in found.nodes] == ["float32[8]"] * 3
    assert found.op_histogram == {"com.microsoft.FastGelu": 3}
    assert found.notes == ()


def test_a_quantized_product_computes_in_int8(tmp_path: Path) -> None:
    scale = numpy_helper.from_array(np.array(0.1, np.float32), "s")
    zero = numpy_helper.from_array(np.array(0, np.uint8), "z")
    weight = numpy_helper.from_array(np.ones((4, 4), np.uint8), "wq")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"]),
        helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"]),
        helper.make_node("DequantizeLinear", ["wq", "s", "z"], ["wd"]),
        helper.make_node("MatMul", ["xd", "wd"], ["m"]),
        helper.make_node("MatMul", ["m", "wd"], ["y"]),
    ]
    ends = [float_info("x", 1, 4)], [float_info("y", 1, 4)]
    graph = helper.make_graph(nodes, "g", *ends, [scale, zero, weight])
    rows = analyse(save(tmp_path / "m.onnx", graph)).nodes
    assert [row.precision for row in rows[-2:]] == ["int8", "fp32"]


def test_work_is_linear_in_the_nodes(tmp_path: Path) -> None:
    """Counted in function calls, which do not depend on the machine or its load."""
    calls = {}
    for length in (500, 2000):
        path = chain(tmp_path / f"{length}.onnx", length)
        profile = cProfile.Profile()
        profile.runcall(analyse, path)
        calls[length] = pstats.Stats(profile).total_calls  # type: ignore[attr-defined]
    assert calls[2000] < 4.2 * calls[500]


def test_local_functions_are_counted_in_a_fresh_process(tmp_path: Path) -> None:
    """In a child nobody else has imported the module that writes them out."""
    function = helper.make_function(
        "mine", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
        [helper.make_opsetid("", 17)],
    )  # fmt: skip
    nodes = [helper.make_node("Twice", ["x"], ["y"], domain="mine")]
    graph = helper.make_graph(nodes, "g", [float_info("x", 8)], [float_info("y", 8)])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, functions=[function]), tmp_path / "m")
    given = sandbox.Files(readable=(tmp_path,))
    found = sandbox.call(ANALYSE, {"path": str(tmp_path / "m")}, where="analyse", files=given)
    assert found["op_histogram"] == {"Add": 1}


def test_shapes_go_on_behind_a_scaler_and_a_tree(tmp_path: Path) -> None:
    """ONNX infers none for the operators of ai.onnx.ml."""
    scaler = helper.make_node(
        "Scaler", ["x"], ["s"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0]
    )
    tree = helper.make_node(
        "TreeEnsembleClassifier",
        ["r"],
        ["label", "p"],
        domain="ai.onnx.ml",
        classlabels_int64s=[0, 1],
    )
    nodes = [
        scaler,
        helper.make_node("MatMul", ["s", "w"], ["h"], name="product"),
        helper.make_node("Relu", ["h"], ["r"]),
        tree,
        helper.make_node("Sigmoid", ["p"], ["y"], name="last"),
    ]
    weight = numpy_helper.from_array(np.ones((4, 6), np.float32), "w")
    labels = helper.make_tensor_value_info("label", TensorProto.INT64, [3])
    ends = [float_info("x", 3, 4)], [labels, float_info("y", 3, 2)]
    graph = helper.make_graph(nodes, "g", *ends, [weight])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), tmp_path / "m")
    rows = {row.name: row for row in analyse(tmp_path / "m").nodes}
    assert rows["product"].flops == 2 * 3 * 4 * 6
    assert rows["last"].inputs == "float32[3,2]"


def test_what_classical_models_hold_and_do_is_in_their_attributes(tmp_path: Path) -> None:
    tree = {
        "nodes_treeids": [0, 0, 0, 1, 1, 1],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * 2,
        "nodes_values": [0.5, 0.0, 0.0, 1.5, 0.0, 0.0],
        "nodes_hitrates": [1.0] * 6,
        "class_weights": [0.1, 0.2, 0.3, 0.4],
    }
    made = partial(helper.make_node, domain="ai.onnx.ml")
    nodes = [
        made("Scaler", ["x"], ["s"], "scaled", offset=[0.0] * 4, scale=[1.0] * 4),
        made("LinearRegressor", ["s"], ["y"], "line", coefficients=[1.0] * 4, intercepts=[0.0]),
        made("TreeEnsembleClassifier", ["s"], ["label", "p"], "trees", **tree),
    ]
    outputs = [
        helper.make_tensor_value_info("label", TensorProto.INT64, [3]),
        float_info("y", 3, 1),
    ]
    graph = helper.make_graph(nodes, "g", [float_info("x", 3, 4)], outputs)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets), tmp_path / "m")
    found = analyse(tmp_path / "m")
    rows = {row.name: row for row in found.nodes}
    assert {name: row.params for name, row in rows.items()} == {"scaled": 8, "line": 5, "trees": 6}
    assert found.parameters == 19
    assert (rows["scaled"].flops, rows["line"].flops) == (2 * 12, 2 * 3 * 4)
    assert "each of 2 trees" in rows["trees"].unknown
