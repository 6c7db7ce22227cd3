"""Small models of kinds that libraries behind passes get wrong: one trait each, and mixed."""

from collections.abc import Callable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from optim.arrays import Feeds
from support.pass_models import Weights, model

ROWS, WIDE, NARROW = 4, 24, 6


def _product(bias: np.ndarray | None, opset: int = 17, **attributes: float) -> onnx.ModelProto:
    """Gemm, Relu, Gemm; the first has the bias and the attributes."""
    w, node = Weights(11), helper.make_node
    w.normal("w1", 16, WIDE), w.normal("w2", NARROW, 16)
    inputs = ["x", "w1"]
    if bias is not None:
        inputs.append(w.constant("b1", bias.astype(np.float32)))
    nodes = [
        node("Gemm", inputs, ["h"], name="up", transB=1, **attributes),
        node("Relu", ["h"], ["r"], name="relu"),
        node("Gemm", ["r", "w2"], ["y"], name="down", transB=1),
    ]
    return model(nodes, w, {"x": (ROWS, WIDE)}, {"y": (ROWS, NARROW)}, opset)


def _bias(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).standard_normal(shape)


def added_row() -> onnx.ModelProto:
    """MatMul and Add of a row [1, N], as TensorFlow's and JAX's exporters write it."""
    w, node = Weights(12), helper.make_node
    w.normal("w1", WIDE, 16, scale=0.2), w.normal("w2", 16, NARROW, scale=0.25)
    w.constant("b1", _bias(1, 16).astype(np.float32))
    w.constant("b2", _bias(1).astype(np.float32))
    nodes = [
        node("MatMul", ["x", "w1"], ["m1"], name="up"),
        node("Add", ["m1", "b1"], ["a1"], name="up_bias"),
        node("Relu", ["a1"], ["r1"], name="relu"),
        node("MatMul", ["r1", "w2"], ["m2"], name="down"),
        node("Add", ["m2", "b2"], ["y"], name="down_bias"),
    ]
    return model(nodes, w, {"x": (ROWS, WIDE)}, {"y": (ROWS, NARROW)})


def tied() -> onnx.ModelProto:
    """Two products by one weight, the second turned round, as language models tie their ends."""
    w, node = Weights(23), helper.make_node
    w.normal("w", WIDE, 16, scale=0.2)
    nodes = [
        node("MatMul", ["x", "w"], ["h"], name="up"),
        node("Relu", ["h"], ["r"], name="relu"),
        node("Transpose", ["w"], ["turned"], name="turn", perm=[1, 0]),
        node("MatMul", ["r", "turned"], ["y"], name="down"),
    ]
    return model(nodes, w, {"x": (ROWS, WIDE)}, {"y": (ROWS, WIDE)})


def einsums() -> onnx.ModelProto:
    """Attention as Keras and JAX write it: dense layers by Einsum, axes split, merged and moved."""
    w, node = Weights(29), helper.make_node
    w.normal("wq", 16, 2, 8, scale=0.2), w.normal("wk", 2, 8, 16, scale=0.2)
    w.normal("wv", 16, 2, 8, scale=0.2), w.normal("wo", 2, 8, 16, scale=0.2)
    w.normal("up", 16, WIDE, scale=0.2), w.normal("each", 2, 8, 8, scale=0.2)

    def einsum(equation: str, made: str, *read: str) -> onnx.NodeProto:
        return node("Einsum", [*read], [made], name=f"{made}_einsum", equation=equation)

    nodes = [
        einsum("abc,cde->abde", "q", "x", "wq"),
        einsum("dec, abc -> adbe", "k", "wk", "x"),
        einsum("abc,cde->adbe", "v", "x", "wv"),
        einsum("adbe,def->adbf", "mixed", "v", "each"),
        einsum("abde,adfe->adbf", "scores", "q", "k"),
        node("Softmax", ["scores"], ["shares"], name="softmax"),
        einsum("adbf,adfe->adbe", "context", "shares", "mixed"),
        einsum("adbe,dec->abc", "out", "context", "wo"),
        einsum("...c,cd->...d", "y", "out", "up"),
    ]
    return model(nodes, w, {"x": (1, ROWS, 16)}, {"y": (1, ROWS, WIDE)})


def constants() -> onnx.ModelProto:
    """Every weight is a node of its own (Constant), as Paddle's exporter writes it."""
    w, node = Weights(19), helper.make_node
    w.normal("w1", 8, 1, 3, 3), w.normal("w2", 8 * 36, NARROW, scale=0.1)
    w.normal("scale", 8), w.normal("shift", 8), w.normal("mean", 8)
    w.constant("variance", np.linspace(0.5, 2, 8, dtype=np.float32))
    nodes = [
        *(node("Constant", [], [one.name], value=one) for one in w.tensors),
        node("Conv", ["x", "w1"], ["c"], name="conv"),
        node("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["n"], name="norm"),
        node("Relu", ["n"], ["r"], name="relu"),
        node("Flatten", ["r"], ["f"], name="flat"),
        node("MatMul", ["f", "w2"], ["y"], name="down"),
    ]
    return model(nodes, Weights(19), {"x": (1, 1, 8, 8)}, {"y": (1, NARROW)})


def mnist() -> onnx.ModelProto:
    """As CNTK wrote the well-known one: opset 8, reshaped weights, biases with leading ones."""
    w, node = Weights(18), helper.make_node
    w.normal("w1", 8, 1, 5, 5), w.normal("w2", 4, 4, 8, NARROW, scale=0.1)
    w.constant("b1", _bias(8, 1, 1).astype(np.float32))
    w.constant("b2", _bias(1, NARROW).astype(np.float32))
    w.constant("flat", np.array([1, 128], np.int64))
    w.constant("matrix", np.array([128, NARROW], np.int64))
    nodes = [
        node("Reshape", ["w2", "matrix"], ["w2_reshape"], name="weights"),
        node("Conv", ["x", "w1"], ["c"], name="conv", auto_pad="SAME_UPPER"),
        node("Add", ["c", "b1"], ["a"], name="plus"),
        node("Relu", ["a"], ["r"], name="relu"),
        node("MaxPool", ["r"], ["p"], name="pool", kernel_shape=[2, 2], strides=[2, 2]),
        node("Reshape", ["p", "flat"], ["f"], name="flatten"),
        node("MatMul", ["f", "w2_reshape"], ["m"], name="times"),
        node("Add", ["m", "b2"], ["y"], name="plus_row"),
    ]
    return model(nodes, w, {"x": (1, 1, 8, 8)}, {"y": (1, NARROW)}, opset=8)


def sparse(made: onnx.ModelProto | None = None) -> onnx.ModelProto:
    """The largest weight stored sparsely."""
    made = made or _product(_bias(16))
    dense = max(made.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
    values = numpy_helper.to_array(dense).copy()
    values[np.abs(values) < np.quantile(np.abs(values), 0.6)] = 0
    flat = np.flatnonzero(values)
    stored = helper.make_sparse_tensor(
        numpy_helper.from_array(values.reshape(-1)[flat], dense.name),
        numpy_helper.from_array(flat.astype(np.int64)),
        values.shape,
    )
    made.graph.initializer.remove(dense)
    made.graph.sparse_initializer.append(stored)
    return made


def sparse_constant() -> onnx.ModelProto:
    """A sparse weight in a Constant node."""
    made = sparse()
    stored = made.graph.sparse_initializer[0]
    node = helper.make_node("Constant", [], [stored.values.name], sparse_value=stored)
    made.graph.ClearField("sparse_initializer")
    made.graph.node.insert(0, node)
    return made


def clashing() -> onnx.ModelProto:
    """Tensors and nodes called as quantizers call what they add; a bias that two layers share."""
    w, node = Weights(13), helper.make_node
    w.normal("w1", 8, 3, 3, 3), w.normal("w2", 8, 8, 3, 3), w.normal("w1_quantized", NARROW, 8)
    w.constant("b", _bias(8).astype(np.float32))
    nodes = [
        node("Conv", ["x", "w1", "b"], ["b0"], name="one", pads=[1, 1, 1, 1]),
        node("Relu", ["b0"], ["x_scale"], name="x_QuantizeLinear"),
        node("Conv", ["x_scale", "w2", "b"], ["w1_zero_point"], name="two"),
        node("Relu", ["w1_zero_point"], ["b_quantized"], name="one_quant"),
        node("GlobalAveragePool", ["b_quantized"], ["x_DequantizeLinear_Output"], name="pool"),
        node("Flatten", ["x_DequantizeLinear_Output"], ["flat"], name="flatten"),
        node("Gemm", ["flat", "w1_quantized"], ["y"], name="head", transB=1),
    ]
    return model(nodes, w, {"x": (1, 3, 12, 12)}, {"y": (1, NARROW)})


def grouped_transposed() -> onnx.ModelProto:
    """A transposed convolution of two groups with several channels each."""
    w, node = Weights(14), helper.make_node
    w.normal("w1", 8, 1, 3, 3), w.normal("w2", 8, 6, 2, 2, scale=0.3)
    w.constant("b2", _bias(12).astype(np.float32))
    nodes = [
        node("Conv", ["x", "w1"], ["c"], name="down", pads=[1, 1, 1, 1]),
        node("Relu", ["c"], ["r"], name="relu"),
        node("ConvTranspose", ["r", "w2", "b2"], ["y"], name="up", group=2, strides=[2, 2]),
    ]
    return model(nodes, w, {"x": (1, 1, 8, 8)}, {"y": (1, 12, 16, 16)})


def old() -> onnx.ModelProto:
    """Opset 6, the last that onnxslim makes nothing of."""
    w, node = Weights(15), helper.make_node
    w.normal("w1", 8, 3, 3, 3), w.normal("w2", NARROW, 8, 3, 3)
    w.constant("b1", _bias(8).astype(np.float32)), w.constant("b2", _bias(NARROW).astype("f4"))
    nodes = [
        node("Conv", ["x", "w1", "b1"], ["c"], name="conv"),
        node("Relu", ["c"], ["r"], name="relu"),
        node("Conv", ["r", "w2", "b2"], ["d"], name="second"),
        node("GlobalAveragePool", ["d"], ["y"], name="pool"),
    ]
    made = model(nodes, w, {"x": (1, 3, 8, 8)}, {"y": (1, NARROW, 1, 1)}, opset=6)
    made.ir_version = 4
    return made


def normalizing() -> onnx.ModelProto:
    """Layer normalization spelled out, at an opset that has no operator for it."""
    w, node = Weights(19), helper.make_node
    w.normal("w1", WIDE, NARROW, scale=0.2), w.constant("two", np.array(2, np.float32))
    w.constant("gamma", np.linspace(0.5, 1.5, WIDE, dtype=np.float32))
    w.constant("beta", np.linspace(-1, 1, WIDE, dtype=np.float32))
    w.constant("epsilon", np.array(1e-5, np.float32))
    nodes = [
        node("ReduceMean", ["x"], ["mean"], name="mean", axes=[-1], keepdims=1),
        node("Sub", ["x", "mean"], ["centred"], name="centre"),
        node("Pow", ["centred", "two"], ["squares"], name="square"),
        node("ReduceMean", ["squares"], ["variance"], name="variance", axes=[-1], keepdims=1),
        node("Add", ["variance", "epsilon"], ["safe"], name="safe"),
        node("Sqrt", ["safe"], ["deviation"], name="root"),
        node("Div", ["centred", "deviation"], ["normal"], name="divide"),
        node("Mul", ["normal", "gamma"], ["scaled"], name="scale"),
        node("Add", ["scaled", "beta"], ["shifted"], name="shift"),
        node("MatMul", ["shifted", "w1"], ["y"], name="product"),
    ]
    return model(nodes, w, {"x": (1, ROWS, WIDE)}, {"y": (1, ROWS, NARROW)}, opset=12)


def looping() -> onnx.ModelProto:
    """Products outside and inside of a branch."""
    w, node = Weights(16), helper.make_node
    w.normal("w1", WIDE, 16, scale=0.2), w.normal("w2", 16, 16, scale=0.25)
    w.constant("zero", np.array(0, np.float32))
    value = helper.make_tensor_value_info("branch", TensorProto.FLOAT, (ROWS, 16))
    yes = helper.make_graph([node("MatMul", ["h", "w2"], ["branch"], name="in")], "a", [], [value])
    no = helper.make_graph([node("Relu", ["h"], ["branch"], name="out")], "b", [], [value])
    nodes = [
        node("MatMul", ["x", "w1"], ["h"], name="first"),
        node("MatMul", ["h", "square"], ["scores"], name="scores"),
        node("ReduceSum", ["scores"], ["total"], name="total", keepdims=0),
        node("Greater", ["total", "zero"], ["positive"], name="greater"),
        node("If", ["positive"], ["y"], name="choice", then_branch=yes, else_branch=no),
    ]
    nodes.insert(1, node("Transpose", ["h"], ["square"], name="turn"))
    return model(nodes, w, {"x": (ROWS, WIDE)}, {"y": (ROWS, 16)})


def mixed() -> onnx.ModelProto:
    """Sparse, alpha and beta, a row as bias, names taken."""
    made = _product(_bias(1, 16), alpha=0.5, beta=2.0)
    made.graph.node[1].output[0] = made.graph.node[2].input[0] = "w1_scale"
    return sparse(made)


def fused() -> onnx.ModelProto:
    """A product as ONNX Runtime's own optimizer writes it, which infers no type of it elsewhere."""
    made = _product(None)
    node = made.graph.node[0]
    node.domain, node.op_type = "com.microsoft", "FusedMatMul"
    node.attribute.append(helper.make_attribute("alpha", 0.5))
    made.opset_import.add(domain="com.microsoft", version=1)
    return made


def folding() -> onnx.ModelProto:
    """Three kilobytes that stand for megabytes."""
    w, node = Weights(17), helper.make_node
    w.normal("w1", 4, 3, 3, 3), w.normal("line", 1, 3, 1, 1024)
    w.constant("shape", np.array([1, 3, 1024, 1024], np.int64))
    nodes = [
        node("Expand", ["line", "shape"], ["grid"], name="expand"),
        node("Mul", ["x", "grid"], ["m"], name="mul"),
        node("Conv", ["m", "w1"], ["c"], name="conv"),
        node("GlobalAveragePool", ["c"], ["y"], name="pool"),
    ]
    return model(nodes, w, {"x": (1, 3, 1024, 1024)}, {"y": (1, 4, 1, 1)})


KINDS: dict[str, Callable[[], onnx.ModelProto]] = {
    "row": lambda: _product(_bias(1, 16)),
    "scalar": lambda: _product(_bias()),
    "one": lambda: _product(_bias(1)),
    "one by one": lambda: _product(_bias(1, 1)),
    "column": lambda: _product(_bias(ROWS, 1)),
    "matrix": lambda: _product(_bias(ROWS, 16)),
    "alpha": lambda: _product(_bias(16), alpha=0.3),
    "beta": lambda: _product(_bias(16), beta=0.5),
    "no beta": lambda: _product(_bias(16), beta=0.0),
    "alpha and beta": lambda: _product(_bias(1, 16), alpha=-1.5, beta=3.0),
    "alpha without bias": lambda: _product(None, alpha=2.0, beta=3.0),
    "added row": added_row,
    "tied": tied,
    "einsums": einsums,
    "constants": constants,
    "mnist": mnist,
    "sparse": sparse,
    "sparse constant": sparse_constant,
    "clashing": clashing,
    "grouped transposed": grouped_transposed,
    "old": old,
    "normalizing": normalizing,
    "branches": looping,
    "mixed": mixed,
    "fused": fused,
}


def samples(made: onnx.ModelProto, count: int = 16) -> list[Feeds]:
    """Seeded noise for a model's inputs."""
    random = np.random.default_rng(0)
    stored = {tensor.name for tensor in made.graph.initializer}
    shapes = {
        v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
        for v in made.graph.input
        if v.name not in stored
    }
    return [
        {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
        for _ in range(count)
    ]
