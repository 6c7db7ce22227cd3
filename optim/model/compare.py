"""Whether two ONNX models compute the same thing in the same way, whatever their names."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from optim.model.proto import opset_of

if TYPE_CHECKING:
    import onnx

Digests = dict[str, str]


def changed(before: "onnx.ModelProto", after: "onnx.ModelProto") -> bool:
    """Whether the content differs: ops, attributes, weights, wiring or opset.

    Names, order of nodes, documentation and recorded shapes are no content.
    """
    return _content(before) != _content(after)


def _content(model: "onnx.ModelProto") -> tuple[object, ...]:
    return (opset_of(model), *_graph(model.graph, {}))


def _graph(graph: "onnx.GraphProto", outer: Mapping[str, str]) -> tuple[object, ...]:
    """Each value's digest covers everything it is computed from, so wiring needs no names."""
    weights = {tensor.name: _tensor(tensor) for tensor in graph.initializer}
    values: Digests = {**outer, **{i.name: _hash("input", i.name) for i in graph.input}, **weights}
    nodes = []
    for node in graph.node:
        digest = _node(node, values)
        nodes.append(digest)
        values |= {name: _hash(digest, str(i)) for i, name in enumerate(node.output) if name}
    outputs = tuple((o.name, values.get(o.name, "")) for o in graph.output)
    return outputs, sorted(nodes), sorted(weights.values())


def _node(node: "onnx.NodeProto", values: Mapping[str, str]) -> str:
    attributes = sorted(_attribute(attribute, values) for attribute in node.attribute)
    domain = "" if node.domain == "ai.onnx" else node.domain
    return _hash(domain, node.op_type, *[values.get(name, "") for name in node.input], *attributes)


def _attribute(attribute: "onnx.AttributeProto", values: Mapping[str, str]) -> str:
    from onnx import AttributeProto, helper

    value = helper.get_attribute_value(attribute)
    if attribute.type == AttributeProto.GRAPH:
        return _hash(attribute.name, repr(_graph(value, values)))
    if attribute.type == AttributeProto.TENSOR:
        return _hash(attribute.name, _tensor(value))
    return _hash(attribute.name, str(attribute.type), repr(value))


def _tensor(tensor: "onnx.TensorProto") -> str:
    from onnx import TensorProto, numpy_helper

    if tensor.data_type == TensorProto.STRING:
        content = b"\0".join(tensor.string_data)
    else:
        content = tensor.raw_data or numpy_helper.to_array(tensor).tobytes()
    return _hash(
        str(tensor.data_type), str(tuple(tensor.dims)), hashlib.sha256(content).hexdigest()
    )


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
