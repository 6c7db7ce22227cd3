"""The weights of layers in every scope: in the graph, and inside of loops and branches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


@dataclass
class Weight:
    """A stored float32 tensor and the layers that read it."""

    tensor: "onnx.TensorProto"
    readers: list["onnx.NodeProto"] = field(default_factory=list)


def weights_of(model: "onnx.ModelProto", places: Mapping[str, Sequence[int]]) -> list[Weight]:
    """The weights that layers read, also under another name (Identity) or as a Constant node.

    Args:
        places: of each op type's inputs, those that are weights.
    """
    found = list[Weight]()
    for node, weight in _read(model.graph, {}, places):
        if not weight.readers:
            found.append(weight)
        weight.readers.append(node)
    return found


def _read(
    graph: "onnx.GraphProto", outside: Mapping[str, Weight], places: Mapping[str, Sequence[int]]
) -> Iterator[tuple["onnx.NodeProto", Weight]]:
    """Each layer of this scope and those within, with each weight that it reads."""
    known = {name: w for name, w in outside.items() if name not in _given(graph)}
    known |= {one.name: Weight(one) for one in graph.initializer if one.data_type == one.FLOAT}
    for node in graph.node:
        known |= _made(node, known)
        for at in places.get(node.op_type, ()):
            if len(node.input) > at and node.input[at] in known:
                yield node, known[node.input[at]]
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _read(inner, known, places)


def _given(graph: "onnx.GraphProto") -> set[str]:
    """Names that mean something else in this scope than outside."""
    return {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}


def _made(node: "onnx.NodeProto", known: Mapping[str, Weight]) -> dict[str, Weight]:
    """The weight that a node gives another name or holds."""
    if node.op_type == "Identity" and node.input[0] in known:
        return {node.output[0]: known[node.input[0]]}
    held = node.attribute[0].t if node.op_type == "Constant" and node.attribute else None
    if held is not None and held.data_type == held.FLOAT and held.dims:
        return {node.output[0]: Weight(held)}
    return {}
