"""ONNX protos: read, written, described and walked. `onnx` is imported where it is used."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx

MODEL_FILE = "model.onnx"
DATA_FILE = "model.data"
DATA_DEPENDENT = -1
"""Stands in an output's shape for a length that depends on the data."""
_SPILL_BYTES = 1_500_000_000
_SPILL_TENSOR_BYTES = 1024
_ALIGNMENT = 4096  # so that an engine can map a tensor instead of reading it


def describe(path: str) -> dict[str, Any]:
    """Child function: what a bound ONNX file declares, as a Model's values."""
    import onnx

    from optim.model.randomness import random_operators  # which walks protos as this module does

    proto = onnx.load(path, load_external_data=False)
    return {
        "inputs": [_spec(value) for value in real_inputs(proto.graph)],
        "outputs": [_spec(value) for value in proto.graph.output],
        "opset": opset_of(proto),
        "node_count": len(proto.graph.node),
        "random": random_operators(proto),
    }


def _spec(value: "onnx.ValueInfoProto") -> dict[str, Any]:
    import onnx

    tensor = value.type.tensor_type
    shape = [
        dim.dim_value if dim.HasField("dim_value") else DATA_DEPENDENT for dim in tensor.shape.dim
    ]
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    return {"name": value.name, "dtype": dtype, "shape": shape}


def read_proto(path: Path) -> "onnx.ModelProto":
    """The ONNX model at `path` with its external data in memory. Only for use in a child."""
    import onnx

    proto = onnx.load(path, load_external_data=False)
    for tensor in all_tensors(proto):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            take_external_data(tensor, path.parent)
    return proto


def take_external_data(tensor: "onnx.TensorProto", folder: Path) -> None:
    """Move a tensor's external data into it, so that it equals one that never had any.

    Raises what `onnx` does for bad external data: ValueError, OSError, ValidationError.
    """
    from onnx.external_data_helper import load_external_data_for_tensor

    load_external_data_for_tensor(tensor, str(folder))
    tensor.ClearField("data_location")


def write_proto(proto: "onnx.ModelProto", path: Path, spill_bytes: int = _SPILL_BYTES) -> None:
    """Write a model; with more than `spill_bytes` of weights they go to `model.data` beside it.

    Spilling moves the weights out of `proto`, so that they are never in memory twice. A folder
    holds one model.
    """
    data = path.with_name(DATA_FILE)
    data.unlink(missing_ok=True)
    large = [t for t in proto.graph.initializer if len(t.raw_data) >= _SPILL_TENSOR_BYTES]
    if sum(len(tensor.raw_data) for tensor in large) > spill_bytes:
        _spill(large, data)
    path.write_bytes(bytes_of(proto))


def _spill(tensors: list["onnx.TensorProto"], data: Path) -> None:
    from onnx.external_data_helper import set_external_data

    with data.open("wb") as sink:
        for tensor in tensors:
            sink.write(b"\0" * (-sink.tell() % _ALIGNMENT))
            offset = sink.tell()
            sink.write(tensor.raw_data)
            set_external_data(tensor, DATA_FILE, offset, len(tensor.raw_data))
            tensor.ClearField("raw_data")


def bytes_of(model: "onnx.ModelProto") -> bytes:
    """The model serialized, always alike. Raises EncodeError over 2 GiB."""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def proto_from(data: bytes) -> "onnx.ModelProto":
    """The model that was serialized."""
    import onnx

    return onnx.ModelProto.FromString(data)


def copy_of(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """A deep copy, so that a library may change it freely."""
    twin = type(model)()
    twin.CopyFrom(model)
    return twin


def opsets(model: "onnx.ModelProto") -> dict[str, int]:
    """The version of each operator set by its domain; the standard's domain is empty."""
    return {
        "" if entry.domain == "ai.onnx" else entry.domain: entry.version
        for entry in model.opset_import
    }


def opset_of(model: "onnx.ModelProto") -> int:
    """The version of the standard's operator set; 0 where the model imports none."""
    return opsets(model).get("", 0)


def real_inputs(graph: "onnx.GraphProto") -> list["onnx.ValueInfoProto"]:
    """The inputs that a caller must feed: those without a default among the initializers."""
    given = {tensor.name for tensor in graph.initializer}
    given |= {tensor.values.name for tensor in graph.sparse_initializer}
    return [value for value in graph.input if value.name not in given]


def all_nodes(proto: "onnx.ModelProto") -> Iterator["onnx.NodeProto"]:
    """Every node, also in subgraphs and functions."""
    for graph in all_graphs(proto):
        yield from graph.node


def with_inner(node: "onnx.NodeProto") -> Iterator["onnx.NodeProto"]:
    """A node and all nodes of its subgraphs."""
    yield node
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from with_inner(inner)


def names_read(graph: "onnx.GraphProto") -> Iterator[str]:
    """Names of the values that nodes or outputs read, those of branches and loops included."""
    yield from (value.name for value in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from names_read(inner)


def sort_nodes(graph: "onnx.GraphProto") -> None:
    """Put each node behind those whose values it or its subgraphs read, in place; else in order."""
    nodes = [type(node).FromString(node.SerializeToString()) for node in graph.node]
    maker = {name: at for at, node in enumerate(nodes) for name in node.output if name}
    before = [
        [maker[name] for inner in with_inner(node) for name in inner.input if name in maker]
        for node in nodes
    ]
    order: dict[int, None] = {}
    for first in range(len(nodes)):
        waiting = [first]
        while waiting:
            missing = [at for at in before[waiting[-1]] if at not in order and at not in waiting]
            if missing:
                waiting.append(missing[0])
            else:
                order[waiting.pop()] = None
    del graph.node[:]
    graph.node.extend(nodes[at] for at in order)


def in_order(graph: "onnx.GraphProto | onnx.FunctionProto") -> bool:
    """Whether each node stands behind those whose values it or its subgraphs read."""
    to_come = {name for node in graph.node for name in node.output if name}
    for node in graph.node:
        if any(name in to_come for inner in with_inner(node) for name in inner.input):
            return False
        to_come.difference_update(node.output)
    return True


def all_graphs(
    proto: "onnx.ModelProto",
) -> Iterator["onnx.GraphProto | onnx.FunctionProto"]:
    """Every scope of nodes: the graph, its subgraphs, and functions with theirs."""
    waiting = [proto.graph, *proto.functions]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    waiting.append(attribute.g)
                waiting.extend(attribute.graphs)


def all_tensors(proto: "onnx.ModelProto") -> Iterator["onnx.TensorProto"]:
    """Every stored tensor: initializers and attributes, also in subgraphs and functions."""
    for graph in all_graphs(proto):
        yield from getattr(graph, "initializer", ())  # functions have none
        for sparse in getattr(graph, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
        for node in graph.node:
            for attribute in node.attribute:
                yield from _tensors_of(attribute)


def _tensors_of(attribute: "onnx.AttributeProto") -> Iterator["onnx.TensorProto"]:
    if attribute.HasField("t"):
        yield attribute.t
    yield from attribute.tensors
    for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
        yield from (sparse.values, sparse.indices)
