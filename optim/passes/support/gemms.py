"""Gemm in the one form that quantizers get right: no alpha, no beta, a vector as its bias."""

from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.passes.support.held_weights import HeldWeights

if TYPE_CHECKING:
    import onnx


def plain_gemms(model: "onnx.ModelProto") -> int:
    """Fold alpha and beta into constant weights and biases, in place, and make biases vectors.

    What no vector can say (another bias for each row) stays, and so does what is not constant.

    Returns: how many were changed.
    """
    weights = HeldWeights(model.graph)
    changed = sum([_make_plain(node, weights) for node in _gemms(model.graph)])
    weights.drop_unused()
    return changed


def biases_apart(model: "onnx.ModelProto") -> int:
    """Add, in place, constant biases that are no vectors in a node of their own after the Gemm.

    Returns: how many.
    """
    weights, nodes, apart = HeldWeights(model.graph), [], 0
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


def _gemms(graph: "onnx.GraphProto") -> list["onnx.NodeProto"]:
    return _gemms_of(graph.node)


def _gemms_of(nodes: "list[onnx.NodeProto]") -> list["onnx.NodeProto"]:
    return [n for n in nodes if n.op_type == "Gemm" and n.domain in ("", "ai.onnx")]


def _make_plain(node: "onnx.NodeProto", weights: HeldWeights) -> bool:
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


def _fold_alpha(node: "onnx.NodeProto", weights: HeldWeights) -> bool:
    alpha, matrix = _attribute(node, "alpha", 1.0), weights.get(node.input[1])
    if alpha == 1.0 or matrix is None:
        return False
    node.input[1] = weights.replace(node.input[1], _scaled(matrix, alpha))
    _drop(node, "alpha")
    return True


def _fold_beta(node: "onnx.NodeProto", weights: HeldWeights) -> bool:
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


def _columns(node: "onnx.NodeProto", weights: HeldWeights) -> int:
    """How many columns it gives; 0 where its matrix is not constant."""
    shape = weights.shape(node.input[1])
    if shape is None or len(shape) != 2:
        return 0
    return shape[0 if _attribute(node, "transB", 0) else 1]


def _vector(node: "onnx.NodeProto", weights: HeldWeights) -> bool:
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


def _has_matrix_bias(node: "onnx.NodeProto", weights: HeldWeights) -> bool:
    columns, bias = _columns(node, weights), weights.get(_bias(node))
    return bool(columns) and bias is not None and bias.shape != (columns,)


def _apart(node: "onnx.NodeProto", weights: HeldWeights) -> "onnx.NodeProto":
    """Take the bias from the Gemm, in place. Returns the node that adds it."""
    import onnx

    product, bias = weights.free(f"{node.output[0]}_unbiased"), node.input[2]
    total = node.output[0]
    node.output[0] = product
    del node.input[2]
    return onnx.helper.make_node("Add", [product, bias], [total], name=f"{node.name}_own_bias")
