"""Which channels of a graph hang together: what must be removed with a channel, everywhere.

Every index of every axis of every tensor has a number. Each operator ties the numbers of its inputs
to those of its outputs by one small rule (`channel_rules`); numbers that are tied, directly or
through others, are removed together or not at all. An operator without a rule pins all that it
touches, so what is not known stays as it is. The idea is that of Fang et al., "DepGraph: Towards
Any Structural Pruning", 2023, here on ONNX itself and index by index.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from optim.arrays import Array
from optim.model.proto import real_inputs, with_inner

if TYPE_CHECKING:
    import onnx

Ids = NDArray[np.int64]
Axis = tuple[str, int]
"""A tensor's name and one of its axes, from 0."""
_PINNED = 0
_FIRST_SYMBOL = 1_000_003  # larger than any axis; stands for the size of a symbolic dimension


@dataclass(frozen=True)
class Product:
    """A node that multiplies: its FLOPs are `factor` times the sizes of the axes.

    `weight` is the name of its constant weight, `out` and `summed` that weight's axes.
    """

    node: str
    factor: float
    axes: tuple[Axis, ...]
    weight: str = ""
    out: int = 0
    summed: int = 0
    input: Axis = ("", 0)


@dataclass
class Channels:
    """The numbers of one graph's indices, and what ties them. `tied` makes it from a model."""

    model: "onnx.ModelProto"
    shapes: dict[str, tuple[int, ...]]
    weights: dict[str, Array]
    products: list[Product] = field(default_factory=list)
    fixed: set[Axis] = field(default_factory=set)
    """Axes known to be pinned so far, in the graph's order."""
    _first: dict[Axis, int] = field(default_factory=dict)
    _count: int = 1
    _ties: list[tuple[Ids, Ids]] = field(default_factory=list)

    def size(self, name: str, axis: int) -> int:
        """Length of an axis; 0 where it is not known or only has a name."""
        size = self.shapes[name][axis]
        return 0 if size >= _FIRST_SYMBOL else size

    def rank(self, name: str) -> int:
        """How many axes a tensor has."""
        return len(self.shapes[name])

    def ids(self, name: str, axis: int) -> Ids:
        """The numbers of an axis' indices; none where its length is not known."""
        size = self.size(name, axis)
        if (name, axis) not in self._first:
            self._first[name, axis] = self._count
            self._count += size
        return np.arange(size) + self._first[name, axis]

    def tie(self, a: Axis, b: Axis) -> None:
        """Two axes of one length, index by index; where the lengths differ both are pinned."""
        if self.size(*a) != self.size(*b) or {a, b} & self.fixed:
            self.pin(a, b)
        else:
            self.tie_ids(self.ids(*a), self.ids(*b))

    def tie_ids(self, a: Ids, b: Ids) -> None:
        """Numbers, pair by pair, broadcast."""
        a, b = np.broadcast_arrays(a, b)
        self._ties.append((a.ravel(), b.ravel()))

    def broadcast(self, name: str, out: str, axes: Iterable[int]) -> None:
        """Axes of a tensor and those of what it is broadcast into; one of length 1 stays."""
        shift = self.rank(out) - self.rank(name)
        for axis in axes:
            if self.shapes[name][axis] == 1 and self.shapes[out][axis + shift] != 1:
                self.pin((name, axis))
            else:
                self.tie((name, axis), (out, axis + shift))

    def pin(self, *axes: Axis) -> None:
        """Nothing is ever removed along these axes."""
        for axis in axes:
            self.fixed.add(axis)
            ids = self.ids(*axis)
            self._ties.append((ids, np.full_like(ids, _PINNED)))

    def pin_all(self, names: Iterable[str]) -> None:
        """No axis of these tensors ever changes; what has no known shape has no axes."""
        for name in names:
            self.pin(*((name, axis) for axis in range(len(self.shapes.get(name, ())))))

    def known(self, names: Sequence[str]) -> bool:
        """Whether the ranks of all of these tensors are known."""
        return all(name in self.shapes for name in names if name)

    def axes(self) -> Iterable[Axis]:
        """Every axis that has numbers."""
        return self._first.keys()

    def labels(self) -> dict[Axis, Ids]:
        """For each axis the label of each index: alike where tied; 0 where pinned."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        nothing = [np.zeros(0, np.int64)]
        one = np.concatenate(nothing + [a for a, _ in self._ties])
        other = np.concatenate(nothing + [b for _, b in self._ties])
        ones = np.ones(len(one), np.int8)
        graph = coo_array((ones, (one, other)), shape=(self._count, self._count))
        _, found = connected_components(graph, directed=False)
        found = np.where(found == found[_PINNED], 0, found + 1)
        return {axis: found[self.ids(*axis)] for axis in self.axes()}


Rule = Callable[[Channels, "onnx.NodeProto"], None]


def tied(model: "onnx.ModelProto", rules: dict[str, Rule]) -> Channels:
    """The channels of a model, tied by these rules, one for each op type of the standard."""
    shapes = shapes_of(model)
    weights = {tensor.name: _array(tensor) for tensor in model.graph.initializer}
    channels = Channels(model, shapes | {n: w.shape for n, w in weights.items()}, weights)
    channels.pin_all(value.name for value in real_inputs(model.graph))
    for node in model.graph.node:
        rule = rules.get(node.op_type) if node.domain in ("", "ai.onnx") else None
        touched = [name for inner in with_inner(node) for name in (*inner.input, *inner.output)]
        if rule and channels.known(touched):
            rule(channels, node)
        else:
            channels.pin_all(name for name in touched if name)
    channels.pin_all(value.name for value in model.graph.output)
    return channels


def attribute(node: "onnx.NodeProto", name: str, default: Any) -> Any:
    """The value of an attribute."""
    from onnx import helper

    found = (a for a in node.attribute if a.name == name)
    return next((helper.get_attribute_value(a) for a in found), default)


def _array(tensor: "onnx.TensorProto") -> Array:
    from onnx import numpy_helper

    array: Array = numpy_helper.to_array(tensor)
    return array


def shapes_of(model: "onnx.ModelProto") -> dict[str, tuple[int, ...]]:
    """Shapes of all values of known rank; a dimension's name has a number of its own."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(model, data_prop=True).graph
    symbols: dict[str, int] = {}
    shapes = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            shapes[value.name] = tuple(
                _size(dim, symbols, value.name, at) for at, dim in enumerate(dims)
            )
    return shapes


def _size(
    dim: "onnx.TensorShapeProto.Dimension", symbols: dict[str, int], value: str, at: int
) -> int:
    if dim.HasField("dim_value"):
        return int(dim.dim_value)
    name = dim.dim_param or f"{value} {at}"
    return symbols.setdefault(name, _FIRST_SYMBOL + 2 * len(symbols))


def blocks(
    before: Sequence[int], after: Sequence[int]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Which axes of a reshaped tensor come from which: the smallest runs of equal product."""
    found, at, to = [], 0, 0
    while at < len(before) or to < len(after):
        first, last = at, to
        left = right = 1
        if at < len(before):
            left, at = before[at], at + 1
        if to < len(after):
            right, to = after[to], to + 1
        while left != right and (at < len(before) or to < len(after)):
            if (left < right and at < len(before)) or to == len(after):
                left, at = left * before[at], at + 1
            else:
                right, to = right * after[to], to + 1
        found.append((tuple(range(first, at)), tuple(range(last, to))))
    return found


def volume(shape: Sequence[int]) -> float:
    """Elements of a shape; a dimension that only has a name counts once."""
    return float(math.prod(size if size < _FIRST_SYMBOL else 1 for size in shape))
