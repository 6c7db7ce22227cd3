"""Small networks that passes are tried on: one for each habit of exporters that breaks tools."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from optim.arrays import Feeds
from optim.passes.base import Calibration, Context
from support.paths import SAMPLES

CALIBRATION_SAMPLES = 16


class Weights:
    """Seeded random initializers, scaled so that activations keep their size."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.tensors: list[onnx.TensorProto] = []

    def normal(self, name: str, *shape: int, scale: float | None = None) -> str:
        fan_in = int(np.prod(shape[1:])) or 1
        values = self._random.standard_normal(shape) * (scale or fan_in**-0.5)
        return self.constant(name, values.astype(np.float32))

    def constant(self, name: str, values: np.ndarray) -> str:
        self.tensors.append(numpy_helper.from_array(values, name))
        return name


def model(
    nodes: list[onnx.NodeProto],
    weights: Weights,
    inputs: dict[str, tuple[int, ...]],
    outputs: dict[str, tuple[int, ...]],
    opset: int = 17,
) -> onnx.ModelProto:
    """A checked float32 model."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in outputs.items()],
        weights.tensors,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(made)
    return made


def cnn(opset: int = 17) -> onnx.ModelProto:
    """Convolutions with batch normalization, a residual sum, pooling and a classifier."""
    w, node = Weights(1), helper.make_node
    w.normal("w1", 16, 3, 3, 3), w.normal("w2", 16, 16, 3, 3), w.normal("fc", 10, 16)
    w.constant("fc_bias", np.linspace(-1, 1, 10, dtype=np.float32))
    for name, values in {
        "gamma": np.linspace(0.5, 1.5, 16),
        "beta": np.linspace(-0.2, 0.2, 16),
        "mean": np.linspace(-0.1, 0.1, 16),
        "variance": np.linspace(0.8, 1.2, 16),
    }.items():
        w.constant(name, values.astype(np.float32))
    norm = ["gamma", "beta", "mean", "variance"]
    nodes = [
        node("Conv", ["x", "w1"], ["c1"], name="first", pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c1", *norm], ["n1"], name="norm"),
        node("Relu", ["n1"], ["r1"], name="relu1"),
        node("Conv", ["r1", "w2"], ["c2"], name="second", pads=[1, 1, 1, 1]),
        node("Add", ["c2", "r1"], ["sum"], name="residual"),
        node("Relu", ["sum"], ["r2"], name="relu2"),
        node("GlobalAveragePool", ["r2"], ["pooled"], name="pool"),
        node("Flatten", ["pooled"], ["flat"], name="flatten"),
        node("Gemm", ["flat", "fc", "fc_bias"], ["y"], name="classifier", transB=1),
    ]
    return model(nodes, w, {"x": (1, 3, 12, 12)}, {"y": (1, 10)}, opset)


def old_cnn() -> onnx.ModelProto:
    """Opset 11 with initializers repeated among the inputs, as old exporters wrote them."""
    made = cnn(opset=11)
    for tensor in made.graph.initializer:
        made.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    return made


def mlp() -> onnx.ModelProto:
    """Matrix products with separate biases."""
    w, node = Weights(2), helper.make_node
    w.normal("w1", 64, 128, scale=64**-0.5), w.normal("w2", 128, 8, scale=128**-0.5)
    w.normal("b1", 128), w.normal("b2", 8)
    nodes = [
        node("MatMul", ["x", "w1"], ["m1"], name="up"),
        node("Add", ["m1", "b1"], ["a1"], name="up_bias"),
        node("Relu", ["a1"], ["r1"], name="relu"),
        node("MatMul", ["r1", "w2"], ["m2"], name="down"),
        node("Add", ["m2", "b2"], ["y"], name="down_bias"),
    ]
    return model(nodes, w, {"x": (4, 64)}, {"y": (4, 8)})


def noisy() -> onnx.ModelProto:
    """`mlp` with its weights disturbed, as a pass before may have left them: see ORIGINALS."""
    made, random = mlp(), np.random.default_rng(7)
    for tensor in made.graph.initializer:
        values = numpy_helper.to_array(tensor)
        noise = 0.1 * random.standard_normal(values.shape) * values.std()
        tensor.CopyFrom(numpy_helper.from_array((values + noise).astype(np.float32), tensor.name))
    return made


def badly_named() -> onnx.ModelProto:
    """Nodes without names or called like what tools would call them; an input nothing reads."""
    made = mlp()
    for node, name in zip(made.graph.node, ["", "MatMul_0", "", "a, b=c|d+e", ""], strict=True):
        node.name = name
    made.graph.input.append(helper.make_tensor_value_info("unused", TensorProto.FLOAT, (2, 2)))
    return made


def huge_weights() -> onnx.ModelProto:
    """Weights that 16-bit floats cannot hold, and a division that hides them."""
    w, node = Weights(3), helper.make_node
    w.normal("w", 32, 32, scale=1e5), w.constant("scale", np.array(1e5, np.float32))
    nodes = [
        node("MatMul", ["x", "w"], ["m"], name="product"),
        node("Div", ["m", "scale"], ["y"], name="rescale"),
    ]
    return model(nodes, w, {"x": (4, 32)}, {"y": (4, 32)})


def lstm() -> onnx.ModelProto:
    """A recurrent layer and a readout of its last state."""
    w, node = Weights(4), helper.make_node
    w.normal("w", 1, 128, 16, scale=0.25), w.normal("r", 1, 128, 32, scale=0.18)
    w.normal("b", 1, 256, scale=0.1), w.normal("out", 4, 32)
    w.constant("axes", np.array([0], np.int64))
    nodes = [
        node("LSTM", ["x", "w", "r", "b"], ["all", "last"], name="lstm", hidden_size=32),
        node("Squeeze", ["last", "axes"], ["state"], name="squeeze"),
        node("Gemm", ["state", "out"], ["y"], name="readout", transB=1),
    ]
    return model(nodes, w, {"x": (10, 1, 16)}, {"y": (1, 4)})


def gru() -> onnx.ModelProto:
    """A recurrent layer of the kind that no engine computes in 8 bits, both ways."""
    w, node = Weights(9), helper.make_node
    w.normal("w", 2, 96, 16, scale=0.25), w.normal("r", 2, 96, 32, scale=0.18)
    w.normal("b", 2, 192, scale=0.1)
    layer = {"hidden_size": 32, "direction": "bidirectional", "linear_before_reset": 1}
    nodes = [node("GRU", ["x", "w", "r", "b"], ["all", "y"], name="gru", **layer)]
    return model(nodes, w, {"x": (10, 1, 16)}, {"y": (2, 1, 32)})


def branching() -> onnx.ModelProto:
    """A matrix product chosen by the data: subgraphs that read weights of the outer graph."""
    w, node = Weights(5), helper.make_node
    w.normal("w", 16, 16), w.constant("zero", np.array(0, np.float32))
    value = helper.make_tensor_value_info("branch", TensorProto.FLOAT, (4, 16))
    product = helper.make_graph([node("MatMul", ["h", "w"], ["branch"])], "then", [], [value])
    other = helper.make_graph([node("Relu", ["h"], ["branch"])], "else", [], [value])
    nodes = [
        node("MatMul", ["x", "w"], ["h"], name="first"),
        node("ReduceSum", ["h"], ["total"], name="total", keepdims=0),
        node("Greater", ["total", "zero"], ["positive"], name="greater"),
        node("If", ["positive"], ["y"], name="choice", then_branch=product, else_branch=other),
    ]
    return model(nodes, w, {"x": (4, 16)}, {"y": (4, 16)})


def arithmetic() -> onnx.ModelProto:
    """Nothing that most passes could work on."""
    nodes = [helper.make_node("Sigmoid", ["x"], ["y"], name="sigmoid")]
    return model(nodes, Weights(6), {"x": (2, 3)}, {"y": (2, 3)})


def loud() -> onnx.ModelProto:
    """A normalization that makes one channel several times louder than the others."""
    w, node = Weights(8), helper.make_node
    scale = np.linspace(0.5, 1.5, 32, dtype=np.float32)
    scale[3] = 8
    w.constant("scale", scale), w.constant("shift", np.zeros(32, np.float32))
    w.normal("w1", 32, 16, scale=32**-0.5), w.normal("w2", 32, 16, scale=32**-0.5)
    nodes = [
        node("LayerNormalization", ["x", "scale", "shift"], ["n"], name="norm"),
        node("MatMul", ["n", "w1"], ["a"], name="one"),
        node("MatMul", ["n", "w2"], ["b"], name="two"),
        node("Add", ["a", "b"], ["y"], name="sum"),
    ]
    return model(nodes, w, {"x": (4, 32)}, {"y": (4, 16)})


def transformer() -> onnx.ModelProto:
    """The small trained transformer among the samples, with its batch bound to 1."""
    return _bound(SAMPLES / "spam" / "model.onnx")


def _bound(path: Path) -> onnx.ModelProto:
    made = onnx.load(path)
    for value in (*made.graph.input, *made.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if not dim.HasField("dim_value"):
                dim.dim_value = 1
    return made


SMALL: dict[str, Callable[[], onnx.ModelProto]] = {
    made.__name__: made
    for made in (
        cnn,
        old_cnn,
        mlp,
        noisy,
        badly_named,
        huge_weights,
        lstm,
        gru,
        branching,
        arithmetic,
        loud,
    )
}
ORIGINALS = {"noisy": "mlp"}
"""What a model was before it was changed, where that is another one."""
TRAINED = {path.parent.name: path for path in sorted(SAMPLES.glob("*/model.onnx"))}
ALL = (*SMALL, *TRAINED)


@cache
def load(name: str) -> onnx.ModelProto:
    """A model by name; shared, so nobody may change it."""
    return SMALL[name]() if name in SMALL else _bound(TRAINED[name])


@cache
def feeds(name: str) -> list[Feeds]:
    """Calibration samples where the model comes with some, else seeded noise."""
    inputs = real_inputs(load(name))
    if name in TRAINED:
        with np.load(TRAINED[name].with_name("evalset.npz"), allow_pickle=False) as arrays:
            chosen = np.flatnonzero(arrays["calibration"])[: 2 * CALIBRATION_SAMPLES]
            columns = {value: arrays[value][chosen] for value in inputs}
        return [{n: c[i][None] for n, c in columns.items()} for i in range(len(chosen))]
    random = np.random.default_rng(0)
    return [
        {n: random.standard_normal(shape).astype(np.float32) for n, shape in inputs.items()}
        for _ in range(2 * CALIBRATION_SAMPLES)
    ]


def real_inputs(made: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a caller has to pass in."""
    weights = {tensor.name for tensor in made.graph.initializer}
    return {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in made.graph.input
        if value.name not in weights
    }


def context(name: str) -> Context:
    """Half of the samples for calibration."""
    calibration = Calibration(feeds(name)[:CALIBRATION_SAMPLES])
    return Context(calibration=calibration, original=load(ORIGINALS.get(name, name)))


def outputs(made: onnx.ModelProto, samples: list[Feeds]) -> np.ndarray:
    """All outputs of ONNX Runtime, one row per sample."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(
        made.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    wanted = {value.name for value in session.get_inputs()}
    return np.array(
        [
            np.concatenate(
                [
                    np.ravel(out)
                    for out in session.run(None, {n: v for n, v in s.items() if n in wanted})
                ]
            )
            for s in samples
        ]
    )


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine similarity of everything in two arrays."""
    a, b = a.ravel().astype(float), b.ravel().astype(float)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
