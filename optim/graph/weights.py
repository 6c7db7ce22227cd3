"""Read the constant tensors of a graph: what tells two of them apart, and their zeros."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.external_data_helper import load_external_data_for_tensor

from optim.graph.values import Weight, Weights


def weigh_json(path: str) -> dict[str, Any]:
    """Weigh the model file at `path`; runs in a sandboxed child."""
    return weigh(Path(path)).model_dump(mode="json")


def weigh(path: Path) -> Weights:
    """The constant tensors of a model's graph, read one after another."""
    graph = onnx.load(path, load_external_data=False).graph
    tensors = {name: _weight(tensor, path.parent) for name, tensor in _constants(graph)}
    return Weights(tensors=tensors)


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield node.output[0], attribute.t


def _weight(tensor: TensorProto, folder: Path) -> Weight:
    if tensor.data_location == TensorProto.EXTERNAL:
        tensor = TensorProto.FromString(tensor.SerializeToString())  # freed with its content
        load_external_data_for_tensor(tensor, str(folder))
    array = numpy_helper.to_array(tensor)
    content = array.tobytes() if array.dtype != object else repr(array.tolist()).encode()
    head = f"{tensor.data_type}{array.shape}".encode()
    zeros = 0 if array.dtype == object else array.size - int(np.count_nonzero(array))
    digest = hashlib.sha256(head + hashlib.sha256(content).digest()).hexdigest()[:32]
    return Weight(digest=digest, elements=array.size, zeros=zeros)
