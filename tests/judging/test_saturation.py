"""8-bit products that overflow: the bound, the layers that can, what is said and tried."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support import evalset_models as models

from optim.judging import saturation
from optim.judging.saturation import share_of_overflowing_pairs, suspects
from optim.part import Circumstances
from optim.recipe import Recipe

HERE = Circumstances({"MatMul": 1})
INT8 = Recipe.parse("dynamic_int8:reduce_range=off + onnxruntime")


def pairwise(activations: np.ndarray, weight: np.ndarray, saturating: bool) -> np.ndarray:
    """A product as `vpmaddubsw` and its sums do it: neighbours are added in 16 bits."""
    products = activations[:, None, :].astype(np.int64) * weight[None].astype(np.int64)
    pairs = products.reshape(*products.shape[:2], -1, 2).sum(axis=3)
    return (np.clip(pairs, -32768, 32767) if saturating else pairs).sum(axis=2)


@pytest.mark.parametrize("largest", [40, 63, 64, 65, 90, 127])
def test_what_the_bound_calls_safe_never_overflows(largest: int) -> None:
    random = np.random.default_rng(largest)
    weight = random.integers(-largest, largest, (16, 64), endpoint=True).astype(np.int8)
    weight[0, :2] = largest
    share = share_of_overflowing_pairs(weight)
    assert (share > 0) == (largest > 64)
    extreme = (weight > 0) * 255  # the activations that make the largest sums of each row
    for row, activations in enumerate((extreme, 255 - extreme)):
        exact = pairwise(activations, weight, saturating=False)
        found = pairwise(activations, weight, saturating=True)
        assert np.array_equal(exact, found) == (share == 0) or row == 1


def test_seven_bits_reach_the_bound_and_do_not_pass_it() -> None:
    assert share_of_overflowing_pairs(np.array([[64, 64], [-64, -64]], np.int8)) == 0
    assert share_of_overflowing_pairs(np.array([[64, 65], [-64, -64]], np.int8)) == 0.5
    assert share_of_overflowing_pairs(np.array([[127, -128]], np.int8)) == 0  # they cancel
    assert share_of_overflowing_pairs(np.array([[127]], np.int8)) == 0  # has no neighbour


def quantized(folder, weight: np.ndarray, form: str) -> onnx.ModelProto:
    """x[1, K] times a signed 8-bit weight [K, N], in the form of a quantizer."""
    scale, zero = np.float32(0.01), np.int8(0)
    if form == "qdq":
        nodes = [
            helper.make_node("DequantizeLinear", ["w", "s", "z"], ["v"]),
            helper.make_node("Gemm", ["x", "v"], ["y"], name="layer"),
        ]
    else:
        nodes = [
            helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
            helper.make_node("MatMulInteger", ["q", "w", "qz", "z"], ["i"], name="layer"),
            helper.make_node("Cast", ["i"], ["y"], to=TensorProto.FLOAT),
        ]
    read = {name for node in nodes for name in node.input}
    constants = {"w": weight, "s": np.asarray(scale), "z": np.asarray(zero)}
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, weight.shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, weight.shape[1]])],
        [numpy_helper.from_array(v, n) for n, v in constants.items() if n in read],
    )  # fmt: skip
    path = folder / "quantized.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


@pytest.mark.parametrize("form", ["qdq", "integer"])
def test_the_layers_whose_weights_are_large_enough_are_found(tmp_path, form) -> None:
    large = np.full((8, 4), 100, np.int8)
    (found,) = suspects(str(quantized(tmp_path, large, form)))
    assert found == {"node": "layer", "share": 1.0}
    assert suspects(str(quantized(tmp_path, large // 2, form))) == []
    across = large.copy()
    across[::2] *= -1  # neighbours along the summed axis cancel, along the other they do not
    assert suspects(str(quantized(tmp_path, across, form))) == []


def test_the_caution_names_the_cause_the_layer_and_what_helps(home, tmp_path, monkeypatch) -> None:
    built = models.keep(
        tmp_path,
        [
            helper.make_node("DequantizeLinear", ["w", "s", "z"], ["v"]),
            helper.make_node("MatMul", ["x", "v"], ["y"], name="product"),
        ],
        [("x", TensorProto.FLOAT, [1, 8])],
        [("y", TensorProto.FLOAT, [1, 4])],
        {"w": np.full((8, 4), 127, np.int8), "s": np.float32(0.1), "z": np.int8(0)},
    )
    monkeypatch.setattr(saturation, "saturates_here", lambda runtime: True)
    found = saturation.saturation(built, INT8)
    assert found and found.code == saturation.SATURATED
    assert "overflow 16 bits" in found.text and "product (100 % of its pairs)" in found.text
    assert "dynamic_int8:reduce_range=auto or dynamic_int8:weights=u8" in found.text
    assert saturation.saturation(built, Recipe.parse("fp16 + onnxruntime")) is None
    monkeypatch.setattr(saturation, "saturates_here", lambda runtime: False)
    assert saturation.saturation(built, INT8) is None
