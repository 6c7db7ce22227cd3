"""Which nodes of a graph draw at random when it runs, dropout that is still switched on included.

How Dropout says that it is training has changed (Operators.md, "Dropout"): up to opset 6 by
`is_test` being 0, its default; from 7 to 11 it never trains; since 12 by its third input. ONNX
Runtime's fused forms have that input too.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from optim.model.proto import all_graphs, all_nodes, opset_of

if TYPE_CHECKING:
    import onnx

DRAWS = {
    *("Bernoulli", "Multinomial"),
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
}
"""Operators that draw whenever they run."""
_TRAINING_INPUT = {
    **dict.fromkeys(("Dropout", "BitmaskDropout"), 2),
    **dict.fromkeys(("BiasDropout", "BitmaskBiasDropout"), 4),
}
_SAME_VALUE = ("Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape")
_LAST_IS_TEST = 6  # the last opset whose Dropout has the attribute
Scalars = dict[str, float]


def random_operators(model: "onnx.ModelProto") -> list[str]:
    """What draws at random, such as "Bernoulli" or "Dropout in training mode"; sorted."""
    nodes = list(all_nodes(model))
    if not {node.op_type for node in nodes} & {*DRAWS, *_TRAINING_INPUT}:
        return []
    known, opset = _scalars(model), opset_of(model)
    return sorted({said for node in nodes if (said := _drawing(node, known, opset))})


def _drawing(node: "onnx.NodeProto", known: Scalars, opset: int) -> str:
    if node.op_type in DRAWS:
        return str(node.op_type)
    place = _TRAINING_INPUT.get(node.op_type)
    if place is None or _keeps_all(node, known, place - 1):
        return ""
    if opset <= _LAST_IS_TEST and not node.domain:
        return "" if _attributes(node).get("is_test") else f"{node.op_type} in training mode"
    mode = node.input[place] if len(node.input) > place else ""
    if not mode or known.get(mode) == 0:
        return ""
    training = "in training mode" if mode in known else "whose training mode is computed"
    return f"{node.op_type} {training}"


def _keeps_all(node: "onnx.NodeProto", known: Scalars, place: int) -> bool:
    """Whether it drops a share of 0, which is to do nothing."""
    if len(node.input) > place and node.input[place]:
        return known.get(node.input[place]) == 0
    return _attributes(node).get("ratio") == 0


def _attributes(node: "onnx.NodeProto") -> Mapping[str, float]:
    """Its numeric attributes; `ratio` has a default of 0.5."""
    return {"ratio": 0.5, **{a.name: a.i or a.f for a in node.attribute if a.type in (1, 2)}}


def _scalars(model: "onnx.ModelProto") -> Scalars:
    """The constants of one number, and what is one of them under another name."""
    found: Scalars = {}
    for graph in all_graphs(model):
        for tensor in getattr(graph, "initializer", ()):
            _learn(found, tensor.name, tensor)
    for node in all_nodes(model):
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    _learn(found, node.output[0], attribute.t)
                else:
                    found[node.output[0]] = attribute.i or attribute.f
        elif node.op_type in _SAME_VALUE and node.input and node.input[0] in found:
            found[node.output[0]] = found[node.input[0]]
        elif node.op_type == "Not" and node.input[0] in found:
            found[node.output[0]] = float(not found[node.input[0]])
    return found


def _learn(found: Scalars, name: str, tensor: "onnx.TensorProto") -> None:
    from onnx import TensorProto, numpy_helper

    numeric = tensor.data_type != TensorProto.STRING
    if numeric and tensor.data_location != TensorProto.EXTERNAL and list(tensor.dims) in ([], [1]):
        found[name] = float(numpy_helper.to_array(tensor).ravel()[0])
