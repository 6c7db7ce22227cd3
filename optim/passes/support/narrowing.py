"""Channels removed for real: every tensor without them, every constant that tells their number."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from optim.model.proto import copy_of, real_inputs
from optim.passes.support.channels import Axis, Channels, Ids, attribute
from optim.passes.support.tools import slimmed

if TYPE_CHECKING:
    import onnx

_KEEP_AS_IS = ("graph_fusion", "subexpression_elimination", "weight_tying")


def spelled_out(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """A copy with constants folded, and a vector of its own for each node that reads one.

    Shapes that are computed become constants, and layers whose biases happen to be equal, and are
    stored once, do not hang together for that.
    """
    found = slimmed(model, skip_optimizations=[*_KEEP_AS_IS])
    inputs = real_inputs(found.graph)
    del found.graph.input[:]
    found.graph.input.extend(inputs)
    _untie(found.graph)
    return found


def _untie(graph: "onnx.GraphProto") -> None:
    vectors = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 1}
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    seen: set[str] = set()
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name in vectors and name in seen:
                copy = graph.initializer.add()
                copy.CopyFrom(vectors[name])
                copy.name = next(
                    n for i in range(len(taken) + 1) if (n := f"{name}_{i}") not in taken
                )
                taken.add(copy.name)
                node.input[place] = copy.name
            seen.add(name)


def narrowed(
    channels: Channels, labels: Mapping[Axis, Ids], removed: Collection[int]
) -> "onnx.ModelProto":
    """The model without the channels of these labels.

    Args:
        labels: as `channels.labels` gave them.
    """
    gone = np.fromiter(removed, np.int64, len(removed))
    kept = {axis: ~np.isin(found, gone) for axis, found in labels.items()}
    model = copy_of(channels.model)
    for tensor in model.graph.initializer:
        _narrow(tensor, kept)
    for node in model.graph.node:
        _mend(model.graph, node, channels, kept)
    del model.graph.value_info[:]
    return model


def _narrow(tensor: "onnx.TensorProto", kept: Mapping[Axis, "np.ndarray"]) -> None:
    from onnx import numpy_helper

    masks = {at: kept.get((tensor.name, at)) for at in range(len(tensor.dims))}
    short = {at: mask for at, mask in masks.items() if mask is not None and not mask.all()}
    if short:
        array = numpy_helper.to_array(tensor)
        for at, mask in short.items():
            array = np.compress(mask, array, axis=at)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array), tensor.name))


def _mend(
    graph: "onnx.GraphProto",
    node: "onnx.NodeProto",
    channels: Channels,
    kept: Mapping[Axis, "np.ndarray"],
) -> None:
    """What a node says of numbers of channels: groups, sizes of pieces, shapes."""
    if node.op_type == "Conv" and attribute(node, "group", 1) == channels.size(node.input[0], 1):
        if (left := _left(kept, channels, node.input[0], 1)) and attribute(node, "group", 1) > 1:
            _set_int(node, "group", left)
    elif node.op_type == "Split":
        axis = attribute(node, "axis", 0) % len(channels.shapes[node.input[0]])
        if not kept[node.input[0], axis].all():
            _set_pieces(graph, node, [_left(kept, channels, name, axis) for name in node.output])
    elif node.op_type == "Reshape":
        _mend_shape(graph, node, channels, kept)


def _left(kept: Mapping[Axis, "np.ndarray"], channels: Channels, name: str, axis: int) -> int:
    """How long an axis is afterwards; 0 where that is not known."""
    if (name, axis) in kept:
        return int(kept[name, axis].sum())
    return channels.size(name, axis)


def _mend_shape(
    graph: "onnx.GraphProto",
    node: "onnx.NodeProto",
    channels: Channels,
    kept: Mapping[Axis, "np.ndarray"],
) -> None:
    """A Reshape whose result got narrower: its shape anew, with -1 for what has only a name."""
    out = node.output[0]
    axes = range(len(channels.shapes.get(out, ())))
    sizes = [_left(kept, channels, out, at) for at in axes]
    if sizes == [channels.size(out, at) for at in axes]:
        return
    wanted = [size or -1 for size in sizes]
    node.input[1] = _constant(graph, f"{out}_shape", wanted)


def _set_pieces(graph: "onnx.GraphProto", node: "onnx.NodeProto", sizes: list[int]) -> None:
    if len(node.input) > 1 or not any(a.name == "split" for a in node.attribute):
        del node.input[1:]
        for unequal in [a for a in node.attribute if a.name == "num_outputs"]:
            node.attribute.remove(unequal)
        node.input.append(_constant(graph, f"{node.output[0]}_split", sizes))
    else:
        del next(a for a in node.attribute if a.name == "split").ints[:]
        next(a for a in node.attribute if a.name == "split").ints.extend(sizes)


def _set_int(node: "onnx.NodeProto", name: str, value: int) -> None:
    next(a for a in node.attribute if a.name == name).i = value


def _constant(graph: "onnx.GraphProto", name: str, values: list[int]) -> str:
    """A new initializer of integers; its name."""
    from onnx import numpy_helper

    taken = {tensor.name for tensor in graph.initializer}
    taken |= {output for node in graph.node for output in node.output}
    name = next(n for i in range(len(taken) + 1) if (n := f"{name}_{i}") not in taken)
    graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), name))
    return name
