"""A model bound to one sample, bound again to a batch of them, or to any number."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnx
from onnx import numpy_helper

from optim.errors import StepError
from optim.model.proto import MODEL_FILE, read_proto, write_proto

_WHERE = "host"
FREE = "batch"
"""What a free first axis is called."""


@contextmanager
def rebound(path: Path, size: int) -> Iterator[Path]:
    """A file of the same model that takes `size` rows where it took one, while it is needed.

    What a graph computes from the first axis may not follow; whoever uses it compares.
    Raises StepError where an input has no first axis of 1.
    """
    model = read_proto(path)
    _rebind(model.graph, size)
    with tempfile.TemporaryDirectory(prefix="optim-host-") as folder:
        other = Path(folder, MODEL_FILE)
        write_proto(model, other)
        yield other


def write_free(path: Path, out: Path) -> None:
    """Write the same model with a free first axis, under the same conditions as `rebound`."""
    model = read_proto(path)
    _rebind(model.graph, FREE)
    write_proto(model, out)


def _rebind(graph: onnx.GraphProto, size: int | str) -> None:
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        if not dims or dims[0].dim_value != 1:
            raise StepError(
                f"The input {value.name!r} has no axis of samples, so nothing can be batched.",
                "Serve it without batches.",
                _WHERE,
            )
        _set(dims[0], size)
    for value in graph.output:
        dims = value.type.tensor_type.shape.dim
        if dims:
            _set(dims[0], size)
    del graph.value_info[:]
    _reshape(graph, size)


def _set(dim: onnx.TensorShapeProto.Dimension, size: int | str) -> None:
    if isinstance(size, str):
        dim.dim_param = size
    else:
        dim.dim_value = size


def _reshape(graph: onnx.GraphProto, size: int | str) -> None:
    """Constant shapes that begin with one sample begin with `size`.

    Where that is free, a reshape keeps the first axis it finds (0 stands for that), and an
    expansion keeps it as it is.
    """
    first, ops = (0, ("Reshape",)) if isinstance(size, str) else (size, ("Reshape", "Expand"))
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type not in ops or len(node.input) < 2:
            continue
        tensor = constants.get(node.input[1])
        if tensor is None or tensor.dims[:1] == [0]:
            continue
        shape = numpy_helper.to_array(tensor).copy()
        if shape.size and shape[0] == 1:
            shape[0] = first
            name = f"{tensor.name}_of_{size}"
            if name not in constants:
                constants[name] = numpy_helper.from_array(shape, name)
                graph.initializer.append(constants[name])
            node.input[1] = name
