"""Layers that take a factor and a summand for each of their inputs' features into their weights.

y = W (a x + s) + b = (W a) x + (W s + b), exactly, wherever the layer is linear in each input
feature (Gemm, MatMul, LSTM, GRU) or channel (Conv; with a summand only where nothing is padded).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.model.proto import with_inner

if TYPE_CHECKING:
    import onnx


def readers_of(graph: "onnx.GraphProto", name: str) -> list["onnx.NodeProto"]:
    """The nodes that read a value's numbers, also from inside; an output counts as a reader."""
    import onnx

    nodes = [node for node in graph.node if node.op_type != "Shape"]
    found = [n for n in nodes if any(name in inner.input for inner in with_inner(n))]
    outputs = [onnx.NodeProto() for value in graph.output if value.name == name]
    return [*found, *outputs]


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


LAYERS: dict[str, Fold] = {
    **dict.fromkeys(("Gemm", "MatMul"), _into_product),
    **dict.fromkeys(("LSTM", "GRU"), _into_recurrent),
    "Conv": _into_conv,
}
"""How each kind of layer takes factors and summands; False where that one cannot."""


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
        if old and not readers_of(model.graph, old):
            model.graph.initializer.remove(tensor)
