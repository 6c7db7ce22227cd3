"""Shapes that are found without running a graph."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from optim.graph.tensors import UNKNOWN, infer, tensors_of


def test_what_is_inferred_is_kept_though_an_operator_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nodes = [
        helper.make_node("Gelu", ["x"], ["a"], domain="com.microsoft"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Strange", ["b"] * 12, ["c", "d"], domain="com.microsoft"),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [2, 3, 4]) for n in ("x", "y")]
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    told = [helper.make_tensor_value_info("d", TensorProto.FLOAT, [2, 3])]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], value_info=told)
    model, notes = infer(helper.make_model(graph, opset_imports=domains, ir_version=8))
    assert tensors_of(model.graph)["b"].shape == (2, 3, 4)
    assert tensors_of(model.graph)["d"].shape == (2, 3)  # as the file says
    assert notes == [] and list(tmp_path.iterdir()) == []


def test_an_lstm_in_8_bits_gives_the_shapes_of_one_in_float() -> None:
    run = {"hidden_size": 8, "direction": "bidirectional", "domain": "com.microsoft"}
    nodes = [
        helper.make_node(
            "DynamicQuantizeLSTM", ["x", *["w"] * 2, *[""] * 5, *["s"] * 4], ["h", "e"], **run
        ),
        helper.make_node("Relu", ["h"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)
        for name, sizes in (("x", [5, 1, 4]), ("y", None))
    ]
    constants = {"w": np.zeros((2, 4, 32), np.int8), "s": np.ones((2,), np.float32)}
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], weights)
    domains = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model, _ = infer(helper.make_model(graph, opset_imports=domains, ir_version=8))
    found = tensors_of(model.graph)
    assert found["h"].shape == (5, 2, 1, 8) and found["e"].shape == (2, 1, 8)


def test_shapes_that_hang_on_computed_values_are_followed() -> None:
    """A target that is cut out of a shape, a count that is multiplied, a mask that is chosen."""
    one = helper.make_node
    nodes = [
        one("Relu", ["x"], ["r"]),
        one("Shape", ["r"], ["shape"]),
        one("Slice", ["shape", "zero", "two"], ["front"]),
        one("Constant", [], ["rest"], value=numpy_helper.from_array(np.array([-1]))),
        one("Concat", ["front", "rest"], ["target"], axis=0),
        one("Unknown", ["x"], ["ignored"], domain="mine"),
        one("Reshape", ["r", "target"], ["flat"]),
        one("ReduceProd", ["front"], ["count"], keepdims=0),
        one("Range", ["none", "count", "step"], ["places"]),
        one("Greater", ["places", "none"], ["mask"]),
        one("Cast", ["mask"], ["numbers"], to=TensorProto.FLOAT),
        one("MatMul", ["flat", "w"], ["product"]),
        one("Expand", ["product", "wide"], ["y"]),
    ]
    constants = {
        "zero": np.array([0]),
        "two": np.array([2]),
        "none": np.array(0),
        "step": np.array(1),
        "w": np.ones((20, 7), np.float32),
        "wide": np.array([5, 2, 3, 7]),
    }
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 4, 5])]
    last = [onnx.ValueInfoProto(name="y")]
    graph = helper.make_graph(nodes, "g", ends, last, weights)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]
    model, notes = infer(helper.make_model(graph, opset_imports=opsets, ir_version=8))
    found = tensors_of(model.graph)
    assert {name: found[name].shape for name in ("flat", "places", "numbers", "y")} == {
        "flat": (2, 3, 20),
        "places": (6,),
        "numbers": (6,),
        "y": (5, 2, 3, 7),
    }
    assert found.get("ignored", UNKNOWN).shape is None and notes == []
