"""Small real models for the tests of EvalSets, quality and bundles."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from optim.model import Model, store_model

FEATURES, CLASSES, VOCABULARY = 8, 4, 50


def keep(folder: Path, nodes: list, inputs: list, outputs: list, weights: dict) -> Model:
    """Make a model of its parts and store it."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(*item) for item in inputs],
        [helper.make_tensor_value_info(*item) for item in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(proto, full_check=True)
    path = folder / "made.onnx"
    onnx.save(proto, path)
    return store_model(path, "test", "onnx", {})


def classifier(folder: Path, noise: float = 0.0, scale: float = 1.0) -> Model:
    """x[1, 8] -> logits[1, 4], linear; `noise` is added to its weights, `scale` multiplies them."""
    random = np.random.default_rng(0)
    weight = random.standard_normal((FEATURES, CLASSES))
    weight = scale * (weight + noise * random.standard_normal(weight.shape))
    return keep(
        folder,
        [helper.make_node("MatMul", ["x", "w"], ["logits"], name="matmul")],
        [("x", TensorProto.FLOAT, [1, FEATURES])],
        [("logits", TensorProto.FLOAT, [1, CLASSES])],
        {"w": weight.astype(np.float32)},
    )


def scorer(folder: Path) -> Model:
    """x[1, 8] -> score[1, 1], a probability."""
    weight = np.random.default_rng(1).standard_normal((FEATURES, 1)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["score"]),
    ]
    return keep(
        folder,
        nodes,
        [("x", TensorProto.FLOAT, [1, FEATURES])],
        [("score", TensorProto.FLOAT, [1, 1])],
        {"w": weight},
    )


def embedder(folder: Path) -> Model:
    """ids[1, 6], attention_mask[1, 6] -> pooled[1, 3] by a table of 50 rows."""
    table = np.random.default_rng(2).standard_normal((VOCABULARY, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["ids"], ["ids32"], to=TensorProto.INT32),
        helper.make_node("Gather", ["table", "ids32"], ["vectors"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["wide"]),
        helper.make_node("Mul", ["vectors", "wide"], ["masked"]),
        helper.make_node("ReduceMean", ["masked"], ["pooled"], axes=[1], keepdims=0),
    ]
    return keep(
        folder,
        nodes,
        [("ids", TensorProto.INT64, [1, 6]), ("attention_mask", TensorProto.INT64, [1, 6])],
        [("pooled", TensorProto.FLOAT, [1, 3])],
        {"table": table, "last": np.array([2], dtype=np.int64)},
    )


def image_classifier(folder: Path, channels: int = 3, size: int = 16) -> Model:
    """image[1, C, 16, 16] -> logits[1, C]: the mean of every channel."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["logits"], axes=[2, 3], keepdims=0),
    ]
    return keep(
        folder,
        nodes,
        [("image", TensorProto.FLOAT, [1, channels, size, size])],
        [("logits", TensorProto.FLOAT, [1, channels])],
        {},
    )
