"""Small models on which something goes wrong that a finding should name, one for each kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from support.onnx_models import value
from support.trials import around

Arrays = dict[str, np.ndarray]
_FLOAT = TensorProto.FLOAT


class Net:
    """A graph in the making: each method adds a node and gives the name of its output."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def constant(self, array: np.ndarray) -> str:
        name = f"w{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def random(self, *shape: int) -> str:
        scale = 1 / np.sqrt(np.prod(shape[1:]) if len(shape) > 2 else shape[0])
        return self.constant((self._chance.standard_normal(shape) * scale).astype(np.float32))

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: object) -> str:
        name = attributes.pop("name", None) or f"{op.lower()}_{len(self._nodes)}"
        made = [f"{name}_out", *(f"{name}_out{i}" for i in range(1, outputs))]
        self._nodes.append(helper.make_node(op, list(inputs), made, name=str(name), **attributes))
        return made[0]

    def conv(self, x: str, inside: int, outside: int, size: int = 3, **attributes: object) -> str:
        group = int(attributes.get("group", 1))  # type: ignore[call-overload]
        weight = self.random(outside, inside // group, *[size] * 2)
        return self.add("Conv", x, weight, pads=[size // 2] * 4, **attributes)

    def model(
        self,
        x: tuple[int, ...],
        last: str,
        y: tuple[int, ...],
        *,
        dtype: int = _FLOAT,
        result: int = _FLOAT,
        opset: int = 17,
    ) -> onnx.ModelProto:
        self._nodes.append(helper.make_node("Identity", [last], ["y"], name="last"))
        graph = helper.make_graph(
            self._nodes, "g", [value("x", x, dtype)], [value("y", y, result)], self._weights
        )
        imports = [helper.make_opsetid("", opset)]
        return helper.make_model(graph, opset_imports=imports, ir_version=8)


@dataclass(frozen=True)
class Case:
    """A model, its EvalSet's arrays, a recipe, and a node or word that the finding must name.

    `judged`: its answers matter. `facts`: of its Summary, where those matter.
    """

    model: Callable[[], onnx.ModelProto]
    recipe: str = "onnxruntime"
    names: str = ""
    arrays: Callable[[onnx.ModelProto], Arrays] = field(default=lambda made: normal(made))
    judged: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)


def normal(made: onnx.ModelProto, count: int = 48, seed: int = 1) -> Arrays:
    """Normal inputs of the model's type and shape."""
    tensor = made.graph.input[0].type.tensor_type
    shape = [dim.dim_value for dim in tensor.shape.dim]
    dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    drawn = np.random.default_rng(seed).standard_normal((count, *shape))
    return {"x": drawn.astype(dtype)}


def cnn(size: int = 24) -> onnx.ModelProto:
    """Three convolutions with activations, a pool and a head of ten."""
    net = Net()
    h = net.add("Relu", net.conv("x", 3, 32))
    h = net.add("Relu", net.conv(h, 32, 64))
    h = net.add("Relu", net.conv(h, 64, 64))
    h = net.add("Flatten", net.add("GlobalAveragePool", h))
    y = net.add("Gemm", h, net.random(64, 10), net.constant(np.zeros(10, np.float32)))
    return net.model((1, 3, size, size), y, (1, 10))


def gated() -> onnx.ModelProto:
    """Convolutions with a Softmax between them, quantized around by hand: its pairs stay."""
    net = Net()
    x = _pair(net, "x", 0.03)
    h = net.conv(x, 3, 32, name="first")
    h = _pair(net, h, 0.02)
    h = _pair(net, net.add("Softplus", h, name="between"), 0.02)
    h = net.add("Conv", h, _weight(net, 32, 32), pads=[1] * 4, name="second")
    h = _pair(net, h, 0.03)
    return net.model((1, 3, 32, 32), h, (1, 32, 32, 32))


def _pair(net: Net, x: str, scale: float) -> str:
    facts = net.constant(np.float32(scale)), net.constant(np.uint8(128))
    return net.add("DequantizeLinear", net.add("QuantizeLinear", x, *facts), *facts)


def _weight(net: Net, outside: int, inside: int, size: int = 3) -> str:
    drawn = np.random.default_rng(5).integers(-90, 90, (outside, inside, size, size), np.int8)
    facts = net.constant(np.float32(0.002)), net.constant(np.int8(0))
    return net.add("DequantizeLinear", net.constant(drawn), *facts)


def attention(cast: bool = False, length: int = 32, width: int = 64) -> onnx.ModelProto:
    """One head of self-attention spelled out; with a Cast in its middle where asked."""
    net = Net()
    q, k, v = (net.add("MatMul", "x", net.random(width, width)) for _ in range(3))
    scores = net.add("MatMul", q, net.add("Transpose", k, perm=[0, 2, 1]), name="scores")
    scaled = net.add("Mul", scores, net.constant(np.float32(0.125)))
    if cast:
        wide = net.add("Cast", scaled, to=TensorProto.DOUBLE, name="widened")
        scaled = net.add("Cast", wide, to=_FLOAT)
    weights = net.add("Softmax", scaled, axis=-1, name="attend")
    y = net.add("MatMul", net.add("MatMul", weights, v), net.random(width, width))
    return net.model((1, length, width), y, (1, length, width))


def normalization(length: int = 64, width: int = 128) -> onnx.ModelProto:
    """Layer normalization spelled out, whose deviation is taken with a Cast in its middle."""
    net = Net()
    h = net.add("MatMul", "x", net.random(width, width))
    centred = net.add("Sub", h, net.add("ReduceMean", h, axes=[-1]))
    wide = net.add("Cast", centred, to=TensorProto.DOUBLE, name="widened")
    squares = net.add("Mul", wide, wide)
    variance = net.add("ReduceMean", squares, axes=[-1])
    root = net.add("Sqrt", net.add("Add", variance, net.constant(np.float64(1e-5))), name="root")
    y = net.add("Div", centred, net.add("Cast", root, to=_FLOAT))
    return net.model((1, length, width), y, (1, length, width))


def grouped() -> onnx.ModelProto:
    """A convolution, then a transposed one of single channels: it has no blocked kernel."""
    net = Net()
    h = net.conv("x", 64, 64, 1)
    weight = net.random(64, 1, 3, 3)
    y = net.add("ConvTranspose", h, weight, group=64, pads=[1] * 4, name="groups")
    return net.model((1, 64, 32, 32), y, (1, 64, 32, 32))


def softmaxed() -> onnx.ModelProto:
    """Hardly a product, then a softmax over a million values."""
    net = Net()
    h = net.add("Mul", "x", net.random(1, 1000))
    h = net.add("Expand", h, net.constant(np.array([1000, 1000], np.int64)))
    h = net.add("Softmax", h, axis=-1, name="large")
    y = net.add("ReduceMean", h, axes=[0])
    return net.model((1, 1000), y, (1, 1000))


def tiny() -> onnx.ModelProto:
    """Four numbers to two."""
    net = Net()
    return net.model((1, 4), net.add("MatMul", "x", net.random(4, 2)), (1, 2))


def reading(width: int = 1500) -> onnx.ModelProto:
    """Large products of one row: 9 MB of weights each, read once for every run."""
    net = Net()
    h = net.add("Relu", net.add("MatMul", "x", net.random(width, width), name="large_0"))
    y = net.add("MatMul", h, net.random(width, width), name="large_1")
    return net.model((1, width), y, (1, width))


def decayed() -> onnx.ModelProto:
    """Half of the weights of a layer are subnormal."""
    net = Net()
    drawn = np.random.default_rng(2).standard_normal((256, 256)).astype(np.float32)
    drawn[::2] *= np.float32(1e-40)
    h = net.add("MatMul", "x", net.constant(drawn), name="decayed")
    return net.model((1, 256), net.add("MatMul", h, net.random(256, 8)), (1, 8))


def doubled() -> onnx.ModelProto:
    """A product in 64 bits."""
    net = Net()
    weight = np.random.default_rng(2).standard_normal((256, 256))
    y = net.add("MatMul", "x", net.constant(weight), name="wide")
    shape, kind = (64, 256), TensorProto.DOUBLE
    return net.model(shape, y, shape, dtype=kind, result=kind)


def dropping() -> onnx.ModelProto:
    """Dropout in training mode."""
    net = Net()
    facts = net.constant(np.float32(0.5)), net.constant(np.array(True))
    h = net.add("Dropout", net.add("MatMul", "x", net.random(32, 32)), *facts)
    return net.model((1, 32), h, (1, 32))


def embedded(length: int = 64) -> onnx.ModelProto:
    """Token ids to vectors, a product, the mean."""
    net = Net()
    h = net.add("Gather", net.random(100, 64), "x")
    h = net.add("MatMul", h, net.random(64, 64))
    y = net.add("ReduceMean", h, axes=[1], keepdims=0)
    return net.model((1, length), y, (1, 64), dtype=TensorProto.INT64)


def tokens(made: onnx.ModelProto) -> Arrays:
    """Sentences of 10 to 30 tokens in 64 places."""
    chance = np.random.default_rng(4)
    rows = np.zeros((48, 1, 64), np.int64)
    for row in rows:
        length = chance.integers(10, 31)
        row[0, :length] = chance.integers(1, 100, length)
    return {"x": rows}


def constant() -> onnx.ModelProto:
    """The answer is one constant, whatever the input, but for a millionth."""
    net = Net()
    h = net.add("Mul", net.add("MatMul", "x", net.random(16, 4)), net.constant(np.float32(1e-6)))
    y = net.add("Add", h, net.constant(np.array([1, 2, 3, 4], np.float32)))
    return net.model((1, 16), y, (1, 4))


def shifted_splits(made: onnx.ModelProto) -> Arrays:
    """Calibration samples around 0, validation samples around 3."""
    given = normal(made)["x"]
    calibrating = np.arange(len(given)) < 16
    given[~calibrating] += 3
    return {"x": given, "calibration": calibrating}


def pictures() -> onnx.ModelProto:
    """A linear classifier of small pictures: it knows up from left."""
    net = Net()
    h = net.add("Flatten", "x")
    y = net.add("Gemm", h, net.random(192, 10), net.constant(np.zeros(10, np.float32)))
    return net.model((1, 3, 8, 8), y, (1, 10))


def labelled(made: onnx.ModelProto, change: Callable[[np.ndarray], np.ndarray]) -> Arrays:
    """Inputs, changed, with the model's own answers to them unchanged as labels."""
    import onnxruntime as ort

    x = normal(made, 160)["x"]
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    labels = np.array([int(session.run(None, {"x": row})[0].argmax()) for row in x])
    return {"x": change(x), "labels": labels, "metric": np.array("top1")}


def half_quantized() -> onnx.ModelProto:
    """A convolution of quantized factors whose result is not: ONNX Runtime fuses no such thing."""
    net = Net()
    h = net.add("Conv", _pair(net, "x", 0.03), _weight(net, 32, 32), pads=[1] * 4, name="open")
    return net.model((1, 32, 24, 24), net.add("Relu", h), (1, 32, 24, 24))


def waves() -> onnx.ModelProto:
    """Thin convolutions and a sine between them, which the blocked layout does not know."""
    net, h = Net(), "x"
    for _ in range(4):
        h = net.add("Sin", net.conv(h, 32, 32, 1))
    return net.model((1, 32, 64, 64), h, (1, 32, 64, 64))


def shared() -> onnx.ModelProto:
    """Three products of the same input: its ranges are an operator of their own."""
    net = Net()
    one, two, three = (net.add("MatMul", "x", net.random(64, 16)) for _ in range(3))
    y = net.add("Add", net.add("Add", one, two), three)
    return net.model((1, 400, 64), y, (1, 400, 16))


def rows() -> onnx.ModelProto:
    """Products of many rows: their weights are read once for all of them."""
    net, h = Net(), "x"
    for _ in range(3):
        h = net.add("Relu", net.add("MatMul", h, net.random(128, 128)))
    return net.model((256, 128), h, (256, 128))


def recurrent(cell: str = "LSTM") -> onnx.ModelProto:
    """A cell over 32 steps, and a product."""
    net, gates = Net(), {"LSTM": 256, "GRU": 192}[cell]
    h = net.add(cell, "x", net.random(1, gates, 32), net.random(1, gates, 64), hidden_size=64)
    return net.model((32, 1, 32), net.add("MatMul", h, net.random(64, 8)), (32, 1, 1, 8))


def gru() -> onnx.ModelProto:
    """A GRU, which no engine has in 8 bits."""
    return recurrent("GRU")


def small() -> onnx.ModelProto:
    """Products with rows of 16."""
    net, h = Net(), "x"
    for _ in range(6):
        h = net.add("Tanh", net.add("MatMul", h, net.random(16, 16)))
    return net.model((64, 16), h, (64, 16))


CASES: dict[str, Case] = {
    "attention_not_fused": Case(lambda: attention(cast=True), names="attend"),
    "below_dispatch": Case(tiny),
    "calibration_unlike": Case(cnn, "static_int8", arrays=shifted_splits),
    "changed_nothing": Case(cnn, "fuse_transformer", names="fuse_transformer"),
    "quality_lost": Case(cnn, "static_int8", arrays=shifted_splits, judged=True),
    "constant_output": Case(constant),
    "conversions": Case(waves, "openvino"),
    "denormals": Case(decayed, names="decayed"),
    "doubles": Case(doubled, names="wide"),
    "draws_at_random": Case(dropping, names="Dropout"),
    "dynamic_convolutions": Case(cnn, "dynamic_int8:op_types=Conv|MatMul", "conv_0"),
    "fell_back_to_float": Case(half_quantized, names="open"),
    "graph_level": Case(cnn, "onnxruntime:graph=off"),
    "inputs_prepared_otherwise": Case(
        pictures,
        arrays=lambda made: labelled(made, lambda x: x.swapaxes(3, 4).copy()),
        names="height",
        judged=True,
    ),
    "kept_in_float": Case(cnn, "static_int8:exclude=conv_2|conv_4", "conv_4"),
    "labels_do_not_fit": Case(
        cnn,
        arrays=lambda made: (a := labelled(made, lambda x: x)) | {"labels": a["labels"] + 1},
        names="shift=-1",
        judged=True,
    ),
    "memory_bound": Case(reading, names="large_0"),
    "normalization_not_fused": Case(normalization, names="root"),
    "one_operator_dominates": Case(softmaxed, names="large"),
    "only_looks_kept": Case(cnn, "fp16", "conv_0"),
    "padding": Case(embedded, arrays=tokens, names="x"),
    "pairs_not_fused": Case(gated, names="between"),
    "ranges_on_every_run": Case(shared, "dynamic_int8", "DynamicQuantizeLinear"),
    "signed_activations": Case(cnn, "static_int8:activations=s8", "conv_0"),
    "slow_kernel": Case(grouped, names="groups"),
    "threads": Case(
        tiny, "onnxruntime:threads=2", facts={"thread_gain": around(1.02), "contention": 0.0}
    ),
    "unpacked_on_every_run": Case(rows, "weight_only", "matmul_0"),
    "wide_activations": Case(cnn, "static_int8:activations=u16", "conv_0"),
    "zeros_not_skipped": Case(cnn, "magnitude_prune:sparsity=0.5"),
}
