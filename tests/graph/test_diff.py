"""What changed between two graphs."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from optim.graph.analysis import analyse
from optim.graph.diff import compare_graphs
from optim.graph.values import Analysis


def attention_like(folder: Path, fused: bool, dtype: type = np.float32) -> Analysis:
    """MatMul, then a tanh-free GELU out of five nodes or as one fused node."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"], name="mm")]
    if fused:
        nodes.append(helper.make_node("Gelu", ["h"], ["y"], name="gelu", domain="com.microsoft"))
    else:
        nodes += [
            helper.make_node("Div", ["h", "root2"], ["d"], name="div"),
            helper.make_node("Erf", ["d"], ["e"], name="erf"),
            helper.make_node("Add", ["e", "one"], ["a"], name="add"),
            helper.make_node("Mul", ["h", "a"], ["m"], name="mul"),
            helper.make_node("Mul", ["m", "half"], ["y"], name="mul2"),
        ]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    weights = [numpy_helper.from_array(np.ones((4, 4), dtype), "w")]
    if not fused:
        weights += [
            numpy_helper.from_array(np.array(1, dtype), name) for name in ("root2", "one", "half")
        ]
    graph = helper.make_graph(
        *(nodes, "g"),
        [helper.make_tensor_value_info("x", kind, [2, 4])],
        [helper.make_tensor_value_info("y", kind, [2, 4])],
        weights,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    path = folder / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
    return analyse(path)


def test_a_fused_node_names_what_it_stands_for(tmp_path: Path) -> None:
    diff = compare_graphs(attention_like(tmp_path, False), attention_like(tmp_path, True))
    assert [fusion.node for fusion in diff.fused] == ["gelu"]
    assert diff.fused[0].replaces == ("div", "erf", "add", "mul", "mul2")
    assert diff.added == {"com.microsoft.Gelu": 1}
    assert diff.removed == {"Mul": 2, "Div": 1, "Erf": 1, "Add": 1}
    assert "6 nodes became 2." in diff.notes


def test_the_same_graph_differs_in_nothing(tmp_path: Path) -> None:
    same = attention_like(tmp_path, False)
    diff = compare_graphs(same, same)
    assert (diff.added, diff.removed, diff.fused, diff.weight_bytes_change) == ({}, {}, (), {})
    assert any("No operator" in note for note in diff.notes)


def test_weights_of_another_type_are_counted_in_bytes(tmp_path: Path) -> None:
    diff = compare_graphs(
        attention_like(tmp_path, False), attention_like(tmp_path, False, np.float16)
    )
    assert diff.weight_bytes_change == {"float32": -4 * 19, "float16": 2 * 19}


def test_added_casts_and_quantizers_are_said(tmp_path: Path) -> None:
    before = attention_like(tmp_path, True)
    model = onnx.load(tmp_path / "m.onnx")
    model.graph.node.insert(0, helper.make_node("Cast", ["x"], ["x16"], to=TensorProto.FLOAT))
    model.graph.node[1].input[0] = "x16"
    onnx.save(model, tmp_path / "m.onnx")
    diff = compare_graphs(before, analyse(tmp_path / "m.onnx"))
    assert any("Cast nodes added: 1" in note for note in diff.notes)


def test_a_product_and_its_view_stand_for_what_they_replace(tmp_path: Path) -> None:
    def product(*nodes: onnx.NodeProto) -> Analysis:
        weights = [numpy_helper.from_array(np.ones((4, 4), np.float32), "w")]
        weights += [numpy_helper.from_array(np.ones(4, np.float32), "b")]
        weights += [numpy_helper.from_array(np.array([1, 2, 4]), "shape")]
        values = [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 4]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2, 4]),
        ]
        graph = helper.make_graph([*nodes], "g", values[:1], values[1:], weights)
        path = tmp_path / "product.onnx"
        opsets = [helper.make_opsetid("", 17)]
        path.write_bytes(helper.make_model(graph, opset_imports=opsets).SerializeToString())
        return analyse(path)

    before = product(
        helper.make_node("MatMul", ["x", "w"], ["h"], name="mm"),
        helper.make_node("Add", ["h", "b"], ["s"], name="add"),
        helper.make_node("Reshape", ["s", "shape"], ["y"], name="view"),
    )
    after = product(
        helper.make_node("Gemm", ["x", "w", "b"], ["t"], name="gemm"),
        helper.make_node("Reshape", ["t", "shape"], ["y"], name="new_view"),
    )
    (fusion,) = compare_graphs(before, after).fused
    assert (fusion.node, fusion.op) == ("gemm", "Gemm")
    assert fusion.replaces == ("mm", "add", "view")
