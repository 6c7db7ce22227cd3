"""Factors for each channel moved from an activation into the weights that read it.

x W = (x / f) (f W): the division goes into what makes x, where that has a weight for each channel
(LayerNormalization's scale and bias), and nothing else reads it; elsewhere a Mul is added.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array, Feeds
from optim.model.proto import copy_of, with_inner
from optim.passes.support.running import outputs_of
from optim.passes.support.tools import float_weights

if TYPE_CHECKING:
    import onnx

_MOST_SAMPLES = 64
_SMALLEST = 1e-5  # of a channel that is never active
_OUTLIERS = 2.0  # times the median channel; below, nothing is gained
_WORTH_A_NODE = 6.0  # the size of outliers in Dettmers et al. 2022 (arXiv:2208.07339)


@dataclass(frozen=True)
class Group:
    """An activation, the weights that make its channels, and the products that read it."""

    value: str
    makers: tuple[str, ...]
    readers: "tuple[onnx.NodeProto, ...]"

    @property
    def worth(self) -> float:
        """How many times the median channel the largest must be."""
        return _OUTLIERS if self.makers else _WORTH_A_NODE


def groups_to_smooth(model: "onnx.ModelProto", exclude: Collection[str]) -> list[Group]:
    """Every activation that matrix products with weights of their own read."""
    weights, graph = float_weights(model), model.graph
    makers = {node.output[0]: node for node in graph.node if node.output}
    outputs = {value.name for value in graph.output}
    read = [name for node in graph.node for inner in with_inner(node) for name in inner.input]
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        if _takes(node, weights, read, exclude) and node.input[0] not in weights:
            readers.setdefault(node.input[0], []).append(node)
    found = []
    for value, some in readers.items():
        alone = len(some) == read.count(value) and value not in outputs
        own = _makers(makers[value], weights) if alone and value in makers else ()
        free = own if all(read.count(name) == 1 for name in own) else ()
        found.append(Group(value, free, tuple(some)))
    return found


def _makers(node: "onnx.NodeProto", weights: "dict[str, onnx.TensorProto]") -> tuple[str, ...]:
    """Weights with one number for each channel of what the node makes: all must be divided."""
    if node.op_type == "LayerNormalization":
        names = tuple(filter(None, node.input[1:3]))
        axis = next((a.i for a in node.attribute if a.name == "axis"), -1)
        vectors = all(name in weights and len(weights[name].dims) == 1 for name in names)
        return names if vectors and axis == -1 else ()
    return ()


def _takes(
    node: "onnx.NodeProto",
    weights: "dict[str, onnx.TensorProto]",
    read: Sequence[str],
    exclude: Collection[str],
) -> bool:
    if node.op_type not in ("MatMul", "Gemm") or node.name in exclude:
        return False
    name = node.input[1]
    turned = any(a.name == "transA" and a.i for a in node.attribute)
    return name in weights and len(weights[name].dims) == 2 and not turned and read.count(name) == 1


def channels_largest(
    model: "onnx.ModelProto", groups: Sequence[Group], samples: Sequence[Feeds]
) -> dict[str, Array]:
    """The largest absolute value of each channel of each group's activation."""
    import onnx

    probe = copy_of(model)
    del probe.graph.output[:]
    probe.graph.output.extend(onnx.ValueInfoProto(name=group.value) for group in groups)
    largest: dict[str, Array] = {}
    for outputs in outputs_of(probe, samples[:_MOST_SAMPLES]):
        for name, array in outputs.items():
            size = np.abs(array.reshape(-1, array.shape[-1])).max(axis=0)
            largest[name] = np.maximum(largest.get(name, size), size)
    return largest


def smooth(
    model: "onnx.ModelProto", group: Group, largest: Array, alpha: float
) -> tuple[float, float]:
    """Divide the activation and multiply the weights, in place.

    Args:
        largest: of each channel, from calibration samples.

    Returns: the largest channel relative to the median one, before and after; 0 where nothing is
    gained and nothing was done.
    """
    from onnx import numpy_helper

    weights = float_weights(model)
    size = np.maximum(largest.astype(np.float64), _SMALLEST)
    was = float(size.max() / np.median(size))
    if was < group.worth:
        return 0.0, 0.0
    rows = [_rows(reader, weights) for reader in group.readers]
    heavy = np.maximum(np.max([np.abs(row).max(axis=1) for row in rows], axis=0), _SMALLEST)
    factor = size**alpha / heavy ** (1 - alpha)
    factor = np.maximum(factor / np.exp(np.log(factor).mean()), _SMALLEST)
    for name in group.makers:
        value = numpy_helper.to_array(weights[name]) / factor
        weights[name].CopyFrom(numpy_helper.from_array(value.astype(np.float32), name))
    if not group.makers:
        _insert(model, group, 1 / factor)
    for reader, row in zip(group.readers, rows, strict=True):
        scaled = (row * factor[:, None]).astype(np.float32)
        scaled = scaled.T if _is_turned(reader) else scaled
        tensor = numpy_helper.from_array(np.ascontiguousarray(scaled), reader.input[1])
        weights[reader.input[1]].CopyFrom(tensor)
    now = size / factor
    return was, float(now.max() / np.median(now))


def _insert(model: "onnx.ModelProto", group: Group, factor: Array) -> None:
    """Multiply the activation by a factor for each channel, for these readers alone."""
    from onnx import helper, numpy_helper

    names = (f"{group.value}_smoothing", f"{group.value}_smoothed")
    weight = numpy_helper.from_array(factor.astype(np.float32), names[0])
    model.graph.initializer.append(weight)
    node = helper.make_node("Mul", [group.value, names[0]], [names[1]], name=names[1])
    first = next(at for at, one in enumerate(model.graph.node) if one.name == group.readers[0].name)
    for reader in group.readers:
        reader.input[0] = names[1]
    model.graph.node.insert(first, node)


def _rows(reader: "onnx.NodeProto", weights: "dict[str, onnx.TensorProto]") -> Array:
    """The weight with one row for each channel that it reads."""
    from onnx import numpy_helper

    weight = np.asarray(numpy_helper.to_array(weights[reader.input[1]]), np.float64)
    return weight.T if _is_turned(reader) else weight


def _is_turned(reader: "onnx.NodeProto") -> bool:
    return any(a.name == "transB" and a.i for a in reader.attribute)
