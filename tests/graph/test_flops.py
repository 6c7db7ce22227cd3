"""FLOPs against hand arithmetic: a multiply-accumulate is two."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from optim.graph.analysis import analyse
from optim.graph.values import Analysis, NodeRow

OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]


def analysed(
    folder: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int]],
    weights: dict[str, np.ndarray] | None = None,
    output: str = "y",
) -> Analysis:
    """Analysis of a graph written to a real file; its output's type is left to inference."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [onnx.ValueInfoProto(name=output)],
        [onnx.numpy_helper.from_array(v, n) for n, v in (weights or {}).items()],
    )
    path = folder / "m.onnx"
    path.write_bytes(helper.make_model(graph, opset_imports=OPSETS).SerializeToString())
    return analyse(path)


def row_of(
    folder: Path,
    op: str,
    inputs: dict[str, list[int]],
    weights: dict[str, np.ndarray] | None = None,
    domain: str = "",
    **attributes: Any,
) -> NodeRow:
    names = [*inputs, *(weights or {})]
    node = helper.make_node(op, names, ["y"], domain=domain, **attributes)
    analysis = analysed(folder, [node], inputs, weights)
    assert not analysis.nodes[0].unknown
    return analysis.nodes[0]


def floats(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


def test_convolution(tmp_path: Path) -> None:
    weights = {"w": floats(16, 4, 3, 3), "b": floats(16)}
    row = row_of(tmp_path, "Conv", {"x": [1, 8, 10, 10]}, weights, group=2, pads=[1] * 4)
    assert row.flops == 2 * 16 * 100 * 4 * 9 + 16 * 100
    assert row.gemm == (2, 100, 8, 36)
    assert row.params == 16 * 4 * 9 + 16
    assert row.bytes == 4 * (8 * 100 + 16 * 4 * 9 + 16 + 16 * 100)
    assert row.intensity == pytest.approx(row.flops / row.bytes)


def test_transposed_convolution(tmp_path: Path) -> None:
    row = row_of(
        tmp_path, "ConvTranspose", {"x": [1, 8, 5, 5]}, {"w": floats(8, 3, 2, 2)}, strides=[2, 2]
    )
    assert row.flops == 2 * 25 * 8 * 3 * 4


@pytest.mark.parametrize(
    ("left", "right", "flops", "gemm"),
    [
        ([4, 5], [5, 6], 2 * 4 * 5 * 6, (1, 4, 6, 5)),
        ([2, 3, 4, 5], [2, 3, 5, 6], 2 * 6 * 4 * 5 * 6, (6, 4, 6, 5)),
        ([7, 4, 5], [5, 6], 2 * 7 * 4 * 5 * 6, (1, 28, 6, 5)),
        ([5], [5, 6], 2 * 5 * 6, (1, 1, 6, 5)),
    ],
)
def test_matrix_product(
    tmp_path: Path, left: list[int], right: list[int], flops: int, gemm: tuple[int, ...]
) -> None:
    row = row_of(tmp_path, "MatMul", {"a": left}, {"b": floats(*right)})
    assert (row.flops, row.gemm) == (flops, gemm)


def test_gemm_transposed(tmp_path: Path) -> None:
    row = row_of(tmp_path, "Gemm", {"a": [3, 5]}, {"b": floats(6, 5), "c": floats(6)}, transB=1)
    assert row.flops == 2 * 3 * 5 * 6 + 3 * 6


def test_lstm_is_counted_per_step(tmp_path: Path) -> None:
    weights = {"w": floats(1, 32, 4), "r": floats(1, 32, 8)}
    row = row_of(tmp_path, "LSTM", {"x": [10, 2, 4]}, weights, hidden_size=8)
    products = 10 * 2 * 2 * 32 * (4 + 8)
    assert row.steps == 10
    assert products < row.flops < 3 * products


def test_fused_attention(tmp_path: Path) -> None:
    weights = {"w": floats(64, 192), "b": floats(192)}
    row = row_of(
        tmp_path, "Attention", {"x": [1, 16, 64]}, weights, domain="com.microsoft", num_heads=4
    )
    assert row.flops > 2 * 16 * 64 * 192 + 4 * 16 * 16 * 64
    assert row.outputs.startswith("float32[1,16,64]")


@pytest.mark.parametrize(
    ("op", "domain", "per_element"), [("Relu", "", 1), ("Tanh", "", 10), ("FastGelu", "ms", 14)]
)
def test_pointwise(tmp_path: Path, op: str, domain: str, per_element: int) -> None:
    row = row_of(tmp_path, op, {"x": [3, 7]}, domain="com.microsoft" if domain else "")
    assert row.flops == per_element * 21


def test_four_bit_product_counts_its_packed_weight(tmp_path: Path) -> None:
    weights = {"b": np.ones((32, 2, 16), np.uint8), "s": floats(64)}
    row = row_of(
        *(tmp_path, "MatMulNBits", {"a": [1, 64]}, weights, "com.microsoft"),
        **{"N": 32, "K": 64, "bits": 4, "block_size": 32},
    )
    assert row.flops >= 2 * 32 * 64
    assert row.bytes == 4 * 64 + 32 * 2 * 16 + 4 * 64 + 4 * 32
    assert row.precision == "fp32"


def test_views_move_nothing_and_gathers_read_what_they_take(tmp_path: Path) -> None:
    shape = {"s": np.array([6, 2], np.int64)}
    assert row_of(tmp_path, "Reshape", {"x": [3, 4]}, shape).bytes == 0
    table = helper.make_node("Gather", ["table", "i"], ["y"])
    analysis = analysed(tmp_path, [table], {"i": [2]}, {"table": floats(1000, 8)})
    assert analysis.nodes[0].bytes == 2 * 2 * 8 * 4 + 2 * 4


def test_what_is_made_of_weights_alone_costs_a_run_nothing(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale"], ["real"]),
        helper.make_node("MatMul", ["x", "real"], ["y"]),
    ]
    weights = {"w": np.ones((64, 8), np.int8), "scale": np.float32(0.1)}
    dequantize, product = analysed(tmp_path, nodes, {"x": [1, 64]}, weights).nodes
    assert (dequantize.flops, dequantize.bytes, dequantize.params) == (0, 0, 0)
    assert product.params == 64 * 8 and product.flops == 2 * 64 * 8
    assert product.bytes == 64 * 4 + 64 * 8 + 8 * 4, "the weights move in their 8 bits"


def test_an_unknown_operator_is_said_and_not_guessed(tmp_path: Path) -> None:
    node = helper.make_node("Mystery", ["x"], ["y"], domain="com.example")
    analysis = analysed(tmp_path, [node], {"x": [3]})
    assert analysis.flops == 0
    assert analysis.nodes[0].unknown
    assert any("lower bounds" in note and "Mystery" in note for note in analysis.notes)
