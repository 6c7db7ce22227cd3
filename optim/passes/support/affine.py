"""Factors and summands on an input, folded into the weights of the layer that reads it.

y = W (a x + s) + b = (W a) x + (W s + b), exactly, wherever the layer is linear in each input
feature (Gemm, MatMul, LSTM, GRU) or channel (Conv; with a summand only where nothing is padded).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.model.proto import real_inputs, with_inner
from optim.names import legible

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
        for first in _readers(graph, value.name):
            found = _scaling(graph, value.name, first, weights)
            if found.nodes and (text := _folded(model, found, weights, rank)):
                said.append(text)
    return said


def _readers(graph: "onnx.GraphProto", name: str) -> list["onnx.NodeProto"]:
    """The nodes that read a value's numbers, also from inside; an output counts as a reader."""
    import onnx

    nodes = [node for node in graph.node if node.op_type != "Shape"]
    found = [n for n in nodes if any(name in inner.input for inner in with_inner(n))]
    outputs = [onnx.NodeProto() for value in graph.output if value.name == name]
    return [*found, *outputs]


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
        readers = _readers(graph, last)
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
    readers = _readers(graph, last)
    if len(readers) != 1:
        return ""
    layer, moved = _through_moves(graph, readers[0], rank)
    fold = _LAYERS.get(layer.op_type)
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
    readers = _readers(graph, node.output[0])
    if len(readers) != 1 or not perm or perm[-1] != rank - 1:
        return node, ""
    return readers[0], node.output[0]


def _along(values: Array, axis: int, rank: int) -> Array | None:
    """The values as one per place of an axis, or one alone; None where they vary elsewhere."""
    shape = (1,) * (rank - values.ndim) + values.shape
    if values.ndim > rank or any(size != 1 for at, size in enumerate(shape) if at != axis):
        return None
    return values.reshape(-1)


Fold = Callable[
    ["onnx.ModelProto", "onnx.NodeProto", "dict[str, onnx.TensorProto]", Array, Array], bool
]


def _into_conv(
    model: "onnx.ModelProto",
    layer: "onnx.NodeProto",
    weights: "dict[str, onnx.TensorProto]",
    factor: Array,
    summand: Array,
) -> bool:
    weight, bias = _read(layer, weights, 1), _read(layer, weights, 2)
    group = next((a.i for a in layer.attribute if a.name == "group"), 1)
    padded = any(a.name == "pads" and any(a.ints) for a in layer.attribute)
    padded |= any(
        a.name == "auto_pad" and a.s not in (b"NOTSET", b"VALID") for a in layer.attribute
    )
    shifted = bool(np.any(summand))
    if weight is None or group != 1 or (padded and shifted) or not _fits(factor, weight.shape[1]):
        return False
    if len(layer.input) > 2 and layer.input[2] and bias is None:
        return False
    shape = (1, -1, *[1] * (weight.ndim - 2))
    added = (weight * summand.reshape(shape)).sum(axis=tuple(range(1, weight.ndim)))
    _write(model, layer, 1, weight * factor.reshape(shape))
    if shifted or bias is not None:
        _write(model, layer, 2, added + (0 if bias is None else bias))
    return True


def _into_product(
    model: "onnx.ModelProto",
    layer: "onnx.NodeProto",
    weights: "dict[str, onnx.TensorProto]",
    factor: Array,
    summand: Array,
) -> bool:
    attributes = {a.name: a for a in layer.attribute}
    weight, bias = _read(layer, weights, 1), _read(layer, weights, 2)
    turned = "transB" in attributes and bool(attributes["transB"].i)
    plain = not any(n in attributes for n in ("alpha", "beta", "transA"))
    shifted = bool(np.any(summand))
    if weight is None or weight.ndim != 2 or not plain:
        return False
    rows = weight.T if turned else weight
    given = len(layer.input) > 2 and bool(layer.input[2])
    if not _fits(factor, rows.shape[0]) or (given and bias is None):
        return False
    if shifted and layer.op_type == "MatMul":
        return False  # it has no bias to take the summand
    added = (rows * summand.reshape(-1, 1)).sum(axis=0)
    scaled = rows * factor.reshape(-1, 1)
    _write(model, layer, 1, scaled.T if turned else scaled)
    if shifted:
        _write(model, layer, 2, added + (0 if bias is None else bias))
    return True


def _into_recurrent(
    model: "onnx.ModelProto",
    layer: "onnx.NodeProto",
    weights: "dict[str, onnx.TensorProto]",
    factor: Array,
    summand: Array,
) -> bool:
    """W is [directions, gates, features], B the biases of the input and of the state."""
    weight, bias = _read(layer, weights, 1), _read(layer, weights, 3)
    if weight is None or bias is None or not _fits(factor, weight.shape[2]):
        return False
    added = (weight * summand.reshape(1, 1, -1)).sum(axis=2)
    shifted = bias.copy()
    shifted[:, : weight.shape[1]] += added
    _write(model, layer, 1, weight * factor.reshape(1, 1, -1))
    _write(model, layer, 3, shifted)
    return True


_LAYERS: dict[str, Fold] = {
    **dict.fromkeys(("Gemm", "MatMul"), _into_product),
    **dict.fromkeys(("LSTM", "GRU"), _into_recurrent),
    "Conv": _into_conv,
}


def _fits(values: Array, size: int) -> bool:
    return values.size in (1, size)


def _read(
    layer: "onnx.NodeProto", weights: "dict[str, onnx.TensorProto]", place: int
) -> Array | None:
    """A stored float input in double precision; None where it is not there or not stored."""
    from onnx import TensorProto, numpy_helper

    name = layer.input[place] if len(layer.input) > place else ""
    tensor = weights.get(name)
    if tensor is None or tensor.data_type != TensorProto.FLOAT:
        return None
    return np.asarray(numpy_helper.to_array(tensor), np.float64)


def _write(model: "onnx.ModelProto", layer: "onnx.NodeProto", place: int, values: Array) -> None:
    """Give the layer a weight of its own; the old one may have other readers."""
    from onnx import numpy_helper

    while len(layer.input) <= place:
        layer.input.append("")
    taken = {tensor.name for tensor in model.graph.initializer}
    stem = f"{layer.input[place] or layer.output[0]}_with_input"
    name = stem if stem not in taken else f"{stem}_{len(taken)}"
    model.graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
    old, layer.input[place] = layer.input[place], name
    for tensor in [t for t in model.graph.initializer if t.name == old]:
        if old and not _readers(model.graph, old):
            model.graph.initializer.remove(tensor)
