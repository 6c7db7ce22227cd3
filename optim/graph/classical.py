"""Operators of classical machine learning (`ai.onnx.ml`): what they hold is in their attributes."""

from math import prod

import onnx

DOMAIN = "ai.onnx.ml"
_UNREAD = {"nodes_hitrates"}  # statistics of training, which no engine reads


def held(node: onnx.NodeProto) -> int:
    """How many numbers a node was given by training: thresholds, values of leaves, coefficients."""
    if node.domain != DOMAIN:
        return 0
    return sum(map(_numbers, node.attribute)) - _leaves(node)


def _numbers(attribute: onnx.AttributeProto) -> int:
    if attribute.name in _UNREAD:
        return 0
    tensor = prod(attribute.t.dims) if attribute.HasField("t") else 0
    return len(attribute.floats) + tensor


def _leaves(node: onnx.NodeProto) -> int:
    """Leaves of trees that are listed among the nodes: those have no threshold."""
    modes = (a.strings for a in node.attribute if a.name == "nodes_modes")
    return sum(mode == b"LEAF" for of_node in modes for mode in of_node)
