"""Gemm in the one form that quantizers get right: no alpha, no beta, a vector as its bias."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array

if TYPE_CHECKING:
    import onnx

_FLOATS = ("float32", "float64", "float16")


def plain_gemms(model: "onnx.ModelProto") -> int:
    """Fold alpha and beta into constant weights and biases, in place, and make biases vectors.

    What no vector can say (another bias for each row) stays, and so does what is not constant.

    Returns: how many were changed.
    """
    weights = _Weights(model.graph)
    changed = sum([_make_plain(node, weights) for node in _gemms(model.graph)])
    weights.drop_unused()
    return changed


def biases_apart(model: "onnx.ModelProto") -> int:
    """Add, in place, constant biases that are no vectors in a node of their own after the Gemm.

    Returns: how many.
    """
    weights, nodes, apart = _Weights(model.graph), [], 0
    for node in model.graph.node:
        nodes.append(node)
        if node in _gemms_of([node]) and _has_matrix_bias(node, weights):
            nodes.append(_apart(node, weights))
            apart += 1
    if apart:
        kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
        del model.graph.node[:]
        model.graph.node.extend(kept)
    return apart


class _Weights:
    """The float initializers of a graph, and new ones beside them."""

    def __init__(self, graph: "onnx.GraphProto") -> None:
        self._graph = graph
        self._tensors = {tensor.name: tensor for tensor in graph.initializer}
        made = {name for node in graph.node for name in node.output}
        self._taken = made | set(self._tensors) | {value.name for value in graph.input}
        self._replaced: set[str] = set()

    def get(self, name: str) -> Array | None:
        from onnx import numpy_helper

        tensor = self._tensors.get(name)
        if tensor is None:
            return None
        array = numpy_helper.to_array(tensor)
        return array if array.dtype.name in _FLOATS else None

    def shape(self, name: str) -> tuple[int, ...] | None:
        tensor = self._tensors.get(name)
        return None if tensor is None else tuple(tensor.dims)

    def free(self, name: str) -> str:
        """A name like this one that nothing has."""
        count = 0
        while (candidate := f"{name}_{count}" if count else name) in self._taken:
            count += 1
        self._taken.add(candidate)
        return candidate

    def replace(self, name: str, array: Array) -> str:
        """A weight instead of another, for one of its readers; its name."""
        from onnx import numpy_helper

        new = self.free(f"{name}_plain")
        tensor = numpy_helper.from_array(np.ascontiguousarray(array), new)
        self._graph.initializer.append(tensor)
        self._tensors[new] = tensor
        self._replaced.add(name)
        return new

    def drop_unused(self) -> None:
        """Remove what was replaced and has no reader left."""
        unread = self._replaced - set(_read(self._graph))
        kept = [t for t in self._graph.initializer if t.name not in unread]
        if len(kept) == len(self._graph.initializer):
            return
        copies = [type(t).FromString(t.SerializeToString()) for t in kept]
        del self._graph.initializer[:]
        self._graph.initializer.extend(copies)


def _read(graph: "onnx.GraphProto") -> Iterator[str]:
    """Names that nodes read, also in subgraphs, and outputs."""
    yield from (value.name for value in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _read(inner)


def _gemms(graph: "onnx.GraphProto") -> list["onnx.NodeProto"]:
    return _gemms_of(graph.node)


def _gemms_of(nodes: "list[onnx.NodeProto]") -> list["onnx.NodeProto"]:
    return [n for n in nodes if n.op_type == "Gemm" and n.domain in ("", "ai.onnx")]


def _make_plain(node: "onnx.NodeProto", weights: _Weights) -> bool:
    """Whether it was changed. Its opset is 7 or newer, where a bias is broadcast by itself."""
    return any([_fold_alpha(node, weights), _fold_beta(node, weights), _vector(node, weights)])


def _attribute(node: "onnx.NodeProto", name: str, default: float) -> float:
    import onnx

    for attribute in node.attribute:
        if attribute.name == name:
            return float(onnx.helper.get_attribute_value(attribute))
    return default


def _drop(node: "onnx.NodeProto", name: str) -> None:
    for attribute in [a for a in node.attribute if a.name == name]:
        node.attribute.remove(attribute)


def _scaled(array: Array, factor: float) -> Array:
    with np.errstate(over="ignore"):
        return (array.astype(np.float64) * factor).astype(array.dtype)


def _fold_alpha(node: "onnx.NodeProto", weights: _Weights) -> bool:
    alpha, matrix = _attribute(node, "alpha", 1.0), weights.get(node.input[1])
    if alpha == 1.0 or matrix is None:
        return False
    node.input[1] = weights.replace(node.input[1], _scaled(matrix, alpha))
    _drop(node, "alpha")
    return True


def _fold_beta(node: "onnx.NodeProto", weights: _Weights) -> bool:
    beta = _attribute(node, "beta", 1.0)
    if beta == 1.0:
        return False
    if not _bias(node):
        _drop(node, "beta")
        return True
    bias = weights.get(node.input[2])
    if beta == 0.0:  # the bias does not count, whatever it is
        del node.input[2]
    elif bias is None:
        return False
    else:
        node.input[2] = weights.replace(node.input[2], _scaled(bias, beta))
    _drop(node, "beta")
    return True


def _bias(node: "onnx.NodeProto") -> str:
    return node.input[2] if len(node.input) > 2 else ""


def _columns(node: "onnx.NodeProto", weights: _Weights) -> int:
    """How many columns it gives; 0 where its matrix is not constant."""
    shape = weights.shape(node.input[1])
    if shape is None or len(shape) != 2:
        return 0
    return shape[0 if _attribute(node, "transB", 0) else 1]


def _vector(node: "onnx.NodeProto", weights: _Weights) -> bool:
    """Make its bias a vector, where one says the same."""
    columns, bias = _columns(node, weights), weights.get(_bias(node))
    if not columns or bias is None or bias.shape == (columns,):
        return False
    vector = _as_vector(bias, columns)
    if vector is None:
        return False
    node.input[2] = weights.replace(node.input[2], vector)
    return True


def _as_vector(bias: Array, columns: int) -> Array | None:
    """The one row that all rows of the broadcast bias equal, if they do."""
    if bias.ndim > 2 or bias.size == 0 or bias.shape[-1:] not in ((), (1,), (columns,)):
        return None
    rows = bias.reshape(-1, bias.shape[-1] if bias.ndim else 1)
    if not np.array_equal(rows, np.broadcast_to(rows[:1], rows.shape)):
        return None
    return np.broadcast_to(rows[0], (columns,)).copy()


def _has_matrix_bias(node: "onnx.NodeProto", weights: _Weights) -> bool:
    columns, bias = _columns(node, weights), weights.get(_bias(node))
    return bool(columns) and bias is not None and bias.shape != (columns,)


def _apart(node: "onnx.NodeProto", weights: _Weights) -> "onnx.NodeProto":
    """Take the bias from the Gemm, in place. Returns the node that adds it."""
    import onnx

    product, bias = weights.free(f"{node.output[0]}_unbiased"), node.input[2]
    total = node.output[0]
    node.output[0] = product
    del node.input[2]
    return onnx.helper.make_node("Add", [product, bias], [total], name=f"{node.name}_own_bias")
