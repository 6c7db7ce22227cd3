"""Sparse weights made dense: optimizers and most engines do not read ONNX's sparse tensors."""

from math import prod
from typing import TYPE_CHECKING

from optim.errors import InputError
from optim.model.proto import all_graphs
from optim.names import legible

if TYPE_CHECKING:
    import onnx

_LARGEST_BYTES = 1_000_000_000  # a few bytes may claim any size


def make_dense(proto: "onnx.ModelProto") -> list[str]:
    """Store sparse initializers and constants dense, in place. Returns their names.

    Raises InputError for one that is too large, or has values outside of its shape.
    """
    made = []
    for graph in all_graphs(proto):
        for sparse in getattr(graph, "sparse_initializer", ()):  # functions have none
            graph.initializer.append(_dense(sparse, sparse.values.name))
            made.append(sparse.values.name)
        if getattr(graph, "sparse_initializer", ()):
            graph.ClearField("sparse_initializer")
        for node in graph.node:
            made += _dense_constant(node)
    return made


def _dense_constant(node: "onnx.NodeProto") -> list[str]:
    from onnx import helper

    sparse = [a for a in node.attribute if a.name == "sparse_value"]
    if node.op_type != "Constant" or not sparse:
        return []
    value = sparse[0]
    dense = helper.make_attribute("value", _dense(value.sparse_tensor, node.output[0]))
    value.CopyFrom(dense)
    return [node.output[0]]


def _dense(sparse: "onnx.SparseTensorProto", name: str) -> "onnx.TensorProto":
    import numpy as np
    from onnx import numpy_helper

    values, indices = numpy_helper.to_array(sparse.values), numpy_helper.to_array(sparse.indices)
    if prod(sparse.dims) * values.itemsize > _LARGEST_BYTES:
        raise _unusable(name, f"would take more than {_LARGEST_BYTES // 10**9} GB as a dense one")
    full = np.zeros(tuple(sparse.dims), values.dtype)
    places = indices if indices.ndim == 1 else tuple(indices.T)
    try:
        (full.reshape(-1) if indices.ndim == 1 else full)[places] = values
    except (IndexError, ValueError):
        raise _unusable(name, "has values outside of its shape") from None
    return numpy_helper.from_array(full, name)


def _unusable(name: str, why: str) -> InputError:
    return InputError(
        f"The sparse tensor {legible(name)!r} {why}.", "Store it as an ordinary (dense) tensor."
    )
