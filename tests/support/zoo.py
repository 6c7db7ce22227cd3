"""Small odd graphs: what the standard allows and libraries behind passes seldom expect."""

from collections.abc import Callable
from functools import partial

import numpy as np
import onnx
from onnx import TensorProto, helper, version_converter

from optim.arrays import Feeds
from support import kinds, pass_models
from support.pass_models import Weights, model

WIDE = 8
node = helper.make_node


def _value(name: str, shape: tuple[int, ...], kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def loop() -> onnx.ModelProto:
    """A product repeated three times, whose weight lies outside of the loop's body."""
    w = Weights(31)
    w.normal("w", WIDE, WIDE), w.constant("times", np.array(3, np.int64))
    w.constant("on", np.array(True))
    body = helper.make_graph(
        [
            node("Identity", ["going"], ["still"]),
            node("MatMul", ["h", "w"], ["p"]),
            node("Tanh", ["p"], ["next"]),
        ],
        "body",
        [
            _value("turn", (), TensorProto.INT64),
            _value("going", (), TensorProto.BOOL),
            _value("h", (2, WIDE)),
        ],
        [_value("still", (), TensorProto.BOOL), _value("next", (2, WIDE))],
    )
    nodes = [node("Loop", ["times", "on", "x"], ["y"], name="loop", body=body)]
    return model(nodes, w, {"x": (2, WIDE)}, {"y": (2, WIDE)})


def scan() -> onnx.ModelProto:
    """A running sum of rows after a product."""
    w = Weights(32)
    w.normal("w", WIDE, WIDE), w.constant("start", np.zeros(WIDE, np.float32))
    body = helper.make_graph(
        [node("Add", ["state", "row"], ["sum"]), node("Identity", ["sum"], ["out"])],
        "body",
        [_value("state", (WIDE,)), _value("row", (WIDE,))],
        [_value("sum", (WIDE,)), _value("out", (WIDE,))],
    )
    nodes = [
        node("MatMul", ["x", "w"], ["h"], name="product"),
        node("Scan", ["start", "h"], ["last", "y"], name="scan", body=body, num_scan_inputs=1),
    ]
    return model(nodes, w, {"x": (4, WIDE)}, {"y": (4, WIDE), "last": (WIDE,)})


def sequence() -> onnx.ModelProto:
    """Tensors put in a sequence, and one taken out of it."""
    w = Weights(33)
    w.normal("w", WIDE, WIDE), w.constant("second", np.array(1, np.int64))
    nodes = [
        node("MatMul", ["x", "w"], ["a"], name="product"),
        node("Relu", ["a"], ["b"], name="relu"),
        node("SequenceConstruct", ["a", "b"], ["both"], name="gather"),
        node("SequenceAt", ["both", "second"], ["one"], name="at"),
        node("ConcatFromSequence", ["both"], ["all"], name="all", axis=0),
        node("Concat", ["one", "all"], ["y"], name="join", axis=0),
    ]
    return model(nodes, w, {"x": (2, WIDE)}, {"y": (6, WIDE)})


def shared() -> onnx.ModelProto:
    """One weight read by two products, one of them turned, and by the output."""
    w = Weights(34)
    w.normal("w", WIDE, WIDE)
    nodes = [
        node("MatMul", ["x", "w"], ["a"], name="one"),
        node("Relu", ["a"], ["r"], name="relu"),
        node("Gemm", ["r", "w"], ["y"], name="two", transB=1),
        node("ReduceSum", ["w"], ["total"], name="sum", keepdims=0),
        node("Mul", ["y", "total"], ["z"], name="scale"),
    ]
    return model(nodes, w, {"x": (2, WIDE)}, {"z": (2, WIDE)})


def several_outputs() -> onnx.ModelProto:
    """Inner values given out too, an input given back as it is, and one output twice over."""
    w = Weights(35)
    w.normal("w1", WIDE, WIDE), w.normal("w2", WIDE, 4)
    nodes = [
        node("MatMul", ["x", "w1"], ["a"], name="one"),
        node("Relu", ["a"], ["b"], name="relu"),
        node("MatMul", ["b", "w2"], ["y"], name="two"),
        node("Identity", ["x"], ["same"], name="same"),
        node("Split", ["y"], ["low", "high"], name="split", axis=1, num_outputs=2),
    ]
    outputs = {"a": (2, WIDE), "y": (2, 4), "same": (2, WIDE), "low": (2, 2), "high": (2, 2)}
    return model(nodes, w, {"x": (2, WIDE)}, outputs, opset=18)


def gru() -> onnx.ModelProto:
    """A recurrent layer that few tools quantize, both ways."""
    w = Weights(36)
    w.normal("w", 2, 3 * WIDE, 4, scale=0.4), w.normal("r", 2, 3 * WIDE, WIDE, scale=0.3)
    nodes = [node("GRU", ["x", "w", "r"], ["all", "y"], name="gru", hidden_size=WIDE,
                  direction="bidirectional", linear_before_reset=1)]  # fmt: skip
    return model(nodes, w, {"x": (5, 1, 4)}, {"y": (2, 1, WIDE)})


def opset_7() -> onnx.ModelProto:
    """Attributes that are inputs today: a Dropout, a Clip, an Upsample's like."""
    w = Weights(37)
    w.normal("w1", 4, 3, 3, 3), w.normal("w2", 6, 4)
    nodes = [
        node("Conv", ["x", "w1"], ["c"], name="conv"),
        node("Clip", ["c"], ["k"], name="clip", min=0.0, max=6.0),
        node("Dropout", ["k"], ["d"], name="drop", ratio=0.5),
        node("GlobalAveragePool", ["d"], ["p"], name="pool"),
        node("Squeeze", ["p"], ["s"], name="squeeze", axes=[2, 3]),
        node("Gemm", ["s", "w2", "b2"], ["y"], name="head", transB=1),
    ]
    w.constant("b2", np.ones(6, np.float32))
    made = model(nodes, w, {"x": (1, 3, 6, 6)}, {"y": (1, 6)}, opset=7)
    made.ir_version = 4
    return made


def later(opset: int) -> onnx.ModelProto:
    """The oldest, as a later operator set writes it."""
    made = version_converter.convert_version(opset_7(), opset)
    made.ir_version = helper.OP_SET_ID_VERSION_MAP[("ai.onnx", opset)]
    return made


def newest() -> onnx.ModelProto:
    """The newest operator set that the engines open, with operators it brought."""
    w = Weights(38)
    w.normal("w", WIDE, WIDE), w.normal("scale", WIDE, scale=1.0)
    nodes = [
        node("RMSNormalization", ["x", "scale"], ["n"], name="norm"),
        node("MatMul", ["n", "w"], ["a"], name="product"),
        node("Gelu", ["a"], ["y"], name="gelu"),
    ]
    made = model(nodes, w, {"x": (2, WIDE)}, {"y": (2, WIDE)}, opset=23)
    made.ir_version = 11
    return made


BETWEEN = range(8, 23)
ZOO: dict[str, Callable[[], onnx.ModelProto]] = {
    **{
        made.__name__: made
        for made in (loop, scan, sequence, shared, several_outputs, gru, opset_7, newest)
    },
    **{f"opset_{n}": partial(later, n) for n in BETWEEN},
    "branching": pass_models.branching,
    "no parameters": pass_models.arithmetic,
    "sparse": kinds.sparse,
    "normalizing": kinds.KINDS["normalizing"],
}


def samples(made: onnx.ModelProto) -> list[Feeds]:
    """Seeded noise."""
    random = np.random.default_rng(4)
    shapes = pass_models.real_inputs(made)
    return [
        {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        for _ in range(6)
    ]
