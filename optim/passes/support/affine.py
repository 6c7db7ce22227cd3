"""Factors and summands on an input, folded into the weights of the layer that reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.model.proto import real_inputs
from optim.names import legible
from optim.passes.support.absorbing import LAYERS, readers_of

if TYPE_CHECKING:
    import onnx


@dataclass
class _Scaled:
    """A value that is `factor * source + summand` along the input's last or channel axis."""

    source: str
    factor: Array
    summand: Array
    nodes: list["onnx.NodeProto"]


def fold_affine(model: "onnx.ModelProto") -> list[str]:
    """Fold in place what scales an input; sentences on what was folded."""
    graph = model.graph
    weights = {tensor.name: tensor for tensor in graph.initializer}
    weights |= {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    said = []
    for value in real_inputs(graph):
        rank = len(value.type.tensor_type.shape.dim)
        for first in readers_of(graph, value.name):
            found = _scaling(graph, value.name, first, weights)
            if found.nodes and (text := _folded(model, found, weights, rank)):
                said.append(text)
    return said


def _scaling(
    graph: "onnx.GraphProto",
    source: str,
    node: "onnx.NodeProto",
    weights: "dict[str, onnx.TensorProto]",
) -> _Scaled:
    """The chain of scalings from an input through a node, as far as nothing else reads it."""
    found = _Scaled(source, np.ones((), np.float64), np.zeros((), np.float64), [])
    last = source
    while (value := _constant(node, last, weights)) is not None:
        step = _STEPS[node.op_type]
        found.factor, found.summand = step(found.factor, found.summand, value)
        found.nodes.append(node)
        last = node.output[0]
        readers = readers_of(graph, last)
        if len(readers) != 1:
            break
        node = readers[0]
    return found


def _constant(
    node: "onnx.NodeProto", value: str, weights: "dict[str, onnx.TensorProto]"
) -> Array | None:
    """What a node adds to a value or multiplies it by; None where it is no such node."""
    from onnx import numpy_helper

    given = [name for name in node.input if name != value]
    if node.op_type not in _STEPS or len(node.input) != 2 or len(given) != 1:
        return None
    if given[0] not in weights or (node.op_type in ("Sub", "Div") and node.input[0] != value):
        return None
    return np.asarray(numpy_helper.to_array(weights[given[0]]), np.float64)


_STEPS: dict[str, Callable[[Array, Array, Array], tuple[Array, Array]]] = {
    "Add": lambda factor, summand, value: (factor, summand + value),
    "Sub": lambda factor, summand, value: (factor, summand - value),
    "Mul": lambda factor, summand, value: (factor * value, summand * value),
    "Div": lambda factor, summand, value: (factor / value, summand / value),
}


def _folded(
    model: "onnx.ModelProto", found: _Scaled, weights: "dict[str, onnx.TensorProto]", rank: int
) -> str:
    """Fold into the reader, in place; the sentence on it, empty where it is not one that can."""
    graph, last = model.graph, found.nodes[-1].output[0]
    readers = readers_of(graph, last)
    if len(readers) != 1:
        return ""
    layer, moved = _through_moves(graph, readers[0], rank)
    fold = LAYERS.get(layer.op_type)
    if fold is None or layer.input[0] != (moved or last):
        return ""
    axis = 1 if layer.op_type == "Conv" else rank - 1
    factor, summand = (_along(values, axis, rank) for values in (found.factor, found.summand))
    if factor is None or summand is None or not np.isfinite([*factor, *summand]).all():
        return ""
    if not fold(model, layer, weights, factor, summand):
        return ""
    for node in found.nodes:
        graph.node.remove(node)
    gone = {name for node in found.nodes for name in node.output}
    for node in graph.node:
        node.input[:] = [found.source if name in gone else name for name in node.input]
    kinds = ", ".join(node.op_type for node in found.nodes)
    layer_name = legible(layer.name or layer.op_type)
    return f"{kinds} on the input {legible(found.source)!r}: into the weights of {layer_name}."


def _through_moves(
    graph: "onnx.GraphProto", node: "onnx.NodeProto", rank: int
) -> "tuple[onnx.NodeProto, str]":
    """The layer behind a Transpose that keeps the last axis, and the value it then reads."""
    if node.op_type != "Transpose":
        return node, ""
    perm = next((list(a.ints) for a in node.attribute if a.name == "perm"), [])
    readers = readers_of(graph, node.output[0])
    if len(readers) != 1 or not perm or perm[-1] != rank - 1:
        return node, ""
    return readers[0], node.output[0]


def _along(values: Array, axis: int, rank: int) -> Array | None:
    """The values as one per place of an axis, or one alone; None where they vary elsewhere."""
    shape = (1,) * (rank - values.ndim) + values.shape
    if values.ndim > rank or any(size != 1 for at, size in enumerate(shape) if at != axis):
        return None
    return values.reshape(-1)
