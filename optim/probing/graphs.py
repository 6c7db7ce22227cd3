"""Small ONNX graphs of building blocks, in the forms that the passes give them.

Weights are random and ranges made up: neither changes how long an engine takes. Inputs and outputs
are 32-bit floats whatever is computed in between. Every block is two equal layers with a Relu, so
that what one layer hands to the next is timed too.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array

if TYPE_CHECKING:
    import onnx

_OPSET = 22  # the first whose convolution takes bf16
_LAYERS = 2
_SCALE = np.float32(1 / 32)  # of activations, which reach 4
_BYTES = {"u8": np.uint8, "s8": np.int8}
_MIDDLE = {"u8": 128, "s8": 0}
_PER_CHANNEL = {"Conv": 0, "MatMul": 1}
"""The axis of a weight with one scale for each step along it."""


class _Graph:
    """A graph under way: nodes in order, constants by name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.precision = "fp32"

    def constant(self, value: Any, precision: str = "") -> str:
        """The name of a constant, in fp32, fp16 or bf16 where it is not to stay as it is."""
        from onnx import TensorProto, numpy_helper

        value = np.asarray(value, np.float16 if precision == "fp16" else None)
        if precision == "bf16":  # the upper half of a 32-bit float
            value = (value.view(np.uint32) >> 16).astype(np.uint16)
        tensor = numpy_helper.from_array(value, f"c{len(self.constants)}")
        if precision == "bf16":
            tensor.data_type = TensorProto.BFLOAT16
        self.constants.append(tensor)
        return str(tensor.name)

    def node(self, op: str, *inputs: str, outputs: int = 1, domain: str = "", **more: Any) -> str:
        """The name of a new node's output; of the first, where it has several (`n1`, `n1.1`)."""
        from onnx import helper

        name = f"n{len(self.nodes)}"
        names = [name, *(f"{name}.{i}" for i in range(1, outputs))]
        self.nodes.append(helper.make_node(op, inputs, names, name, domain=domain, **more))
        return name

    def cast(self, value: str, precision: str) -> str:
        """The name of `value` in fp32, fp16 or bf16; the graph's input is in fp32."""
        from onnx import TensorProto

        kinds = {
            "fp32": TensorProto.FLOAT,
            "fp16": TensorProto.FLOAT16,
            "bf16": TensorProto.BFLOAT16,
        }
        same = precision == self.precision
        self.precision = precision
        return value if same else self.node("Cast", value, to=kinds[precision])

    def model(self, shape: list[int], answer: str) -> "onnx.ModelProto":
        """The model of an input `x` of this shape and the output that has this name."""
        from onnx import TensorProto, helper

        graph = helper.make_graph(
            self.nodes,
            "probe",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(answer, TensorProto.FLOAT, None)],
            self.constants,
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("com.microsoft", 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def layers(
    op: str, weight: Array, shape: list[int], precision: str, **attributes: Any
) -> "onnx.ModelProto":
    """Two layers of Conv or MatMul with one weight, in `precision`; see `Probe.gain` for its names.

    Args:
        shape: of the input and of every output.
        attributes: of the nodes.
    """
    graph = _Graph()
    if precision in ("fp32", "fp16", "bf16"):
        answer = _in_floats(graph, op, weight, precision, attributes)
    elif precision == "dynamic":
        answer = _dynamic(graph, op, weight, attributes)
    else:
        answer = _quantized(graph, op, weight, precision, attributes)
    return graph.model(shape, answer)


def _in_floats(
    graph: _Graph, op: str, weight: Array, precision: str, attributes: Mapping[str, Any]
) -> str:
    value = graph.cast("x", precision)
    for _ in range(_LAYERS):
        parameters = [graph.constant(weight, precision)]
        if op == "Conv":
            bias = np.zeros(len(weight), np.float32)
            parameters.append(graph.constant(bias, precision))
        value = graph.node("Relu", graph.node(op, value, *parameters, **attributes))
    return graph.cast(value, "fp32")


def _quantized(
    graph: _Graph, op: str, weight: Array, product: str, attributes: Mapping[str, Any]
) -> str:
    """As `static_int8` writes it: QDQ around each layer; a product gives floats, no bytes."""
    activation, kind = product[:2], product[2:]
    scale, zero = graph.constant(_SCALE), graph.constant(_BYTES[activation](0))
    value = "x"
    for _ in range(_LAYERS):
        value = graph.node("QuantizeLinear", value, scale, zero)
        value = graph.node("DequantizeLinear", value, scale, zero)
        axis = _PER_CHANNEL[op]
        integers, scales, zeros = _in_bytes(weight, kind, axis)
        names = (graph.constant(integers), graph.constant(scales), graph.constant(zeros))
        parameters = [graph.node("DequantizeLinear", *names, axis=axis)]
        if op == "Conv":
            bias = np.zeros(len(weight), np.int32)
            its = map(graph.constant, (bias, scales * _SCALE, bias))
            parameters.append(graph.node("DequantizeLinear", *its, axis=0))
        value = graph.node("Relu", graph.node(op, value, *parameters, **attributes))
    if op == "Conv":
        value = graph.node("QuantizeLinear", value, scale, zero)
        value = graph.node("DequantizeLinear", value, scale, zero)
    return value


def _dynamic(graph: _Graph, op: str, weight: Array, attributes: Mapping[str, Any]) -> str:
    """As `dynamic_int8` writes it: ranges of activations are measured in every run."""
    from onnx import TensorProto

    value, axis = "x", _PER_CHANNEL[op]
    for _ in range(_LAYERS):
        integers, scales, zeros = _in_bytes(weight, "s8", axis)
        if op == "Conv":  # its integer form has one scale for the whole weight
            scales, zeros = scales.max(), zeros[0]
        given = graph.node("DynamicQuantizeLinear", value, outputs=3)
        names = (given, graph.constant(integers), f"{given}.2", graph.constant(zeros))
        product = graph.node(f"{op}Integer", *names, **attributes)
        floats = graph.node("Cast", product, to=TensorProto.FLOAT)
        scale = graph.node("Mul", f"{given}.1", graph.constant(scales))
        value = graph.node("Relu", graph.node("Mul", floats, scale))
    return value


def _in_bytes(weight: Array, kind: str, axis: int) -> tuple[Array, Array, Array]:
    """Bytes, scales and zeros of a weight, one scale and zero for each step along the axis."""
    others = tuple(i for i in range(weight.ndim) if i != axis)
    largest = np.abs(weight).max(axis=others, keepdims=True)
    integers = np.round(weight / largest * 127) + _MIDDLE[kind]
    zeros = np.full(weight.shape[axis], _MIDDLE[kind], _BYTES[kind])
    return integers.astype(_BYTES[kind]), (largest / 127).ravel().astype(np.float32), zeros


def lstm(steps: int, width: int, precision: str) -> "onnx.ModelProto":
    """An LSTM over [steps, 1, width], in floats or, where `dynamic`, with weights in bytes."""
    graph, random = _Graph(), np.random.default_rng(0)
    weight = (random.standard_normal((1, 4 * width, width)) / np.sqrt(width)).astype(np.float32)
    if precision == "dynamic":
        largest = np.abs(weight).max()
        integers = np.round(weight / largest * 127).astype(np.int8).transpose(0, 2, 1)
        bytes_of = [graph.constant(np.ascontiguousarray(integers)) for _ in range(2)]
        scale, zero = largest.reshape(1) / 127, np.zeros(1, np.int8)
        scaling = [graph.constant(scale), graph.constant(zero)]
        names = ("x", *bytes_of, "", "", "", "", "", *scaling, *scaling)
        return graph.model(
            [steps, 1, width],
            graph.node("DynamicQuantizeLSTM", *names, domain="com.microsoft", hidden_size=width),
        )
    value = graph.cast("x", precision)
    parameters = [graph.constant(weight, precision) for _ in range(2)]
    value = graph.node("LSTM", value, *parameters, hidden_size=width)
    return graph.model([steps, 1, width], graph.cast(value, "fp32"))


def reading(width: int) -> "onnx.ModelProto":
    """A vector times a square weight that no cache holds: a run reads it from memory once."""
    graph = _Graph()
    row = np.random.default_rng(0).standard_normal(width).astype(np.float32)
    weight = np.tile(row / width, (width, 1))
    return graph.model([1, width], graph.node("MatMul", "x", graph.constant(weight)))


def empty() -> "onnx.ModelProto":
    """One operator on one number: what is left is the cost of a run."""
    graph = _Graph()
    return graph.model([1], graph.node("Relu", "x"))
