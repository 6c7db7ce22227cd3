"""The float weights of a graph, read by name, and new ones put beside them."""

from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.model.proto import names_read

if TYPE_CHECKING:
    import onnx

_FLOATS = ("float32", "float64", "float16")


class HeldWeights:
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
        unread = self._replaced - set(names_read(self._graph))
        kept = [t for t in self._graph.initializer if t.name not in unread]
        if len(kept) == len(self._graph.initializer):
            return
        copies = [type(t).FromString(t.SerializeToString()) for t in kept]
        del self._graph.initializer[:]
        self._graph.initializer.extend(copies)
