"""Shapes that are found without running a graph."""

from pathlib import Path

import pytest
from onnx import TensorProto, helper

from optim.graph.tensors import infer, tensors_of


def test_what_is_inferred_is_kept_though_an_operator_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    nodes = [
        helper.make_node("Gelu", ["x"], ["a"], domain="com.microsoft"),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("DynamicQuantizeLSTM", ["b"] * 12, ["c", "d"], domain="com.microsoft"),
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
