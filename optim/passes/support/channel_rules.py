"""How each operator ties the channels of what it reads to those of what it writes: the rules.

A rule holds if removing tied indices everywhere gives the answers that come of zero weights where
they were. Shapes, splits and groups that then change are put right by `narrowing`.
"""

from typing import TYPE_CHECKING

import numpy as np

from optim.model.proto import opset_of
from optim.passes.support.channels import Axis, Channels, Rule, attribute, blocks
from optim.passes.support.product_rules import PRODUCT_RULES

if TYPE_CHECKING:
    import onnx

_ELEMENTWISE = (
    "Add Sub Mul Div Min Max Sum Mean Pow PRelu Where Relu LeakyRelu Elu Selu Celu Clip Sigmoid "
    "HardSigmoid HardSwish Tanh Erf Exp Log Sqrt Reciprocal Neg Abs Softplus Softsign Mish Gelu "
    "Identity Cast Dropout ThresholdedRelu Floor Ceil Round Sign Equal Greater Less Not And Or "
    "Swish"
)
_ONE_AXIS = 13  # the first opset whose Softmax is along one axis
_PACKED = 3
_POOLS = "AveragePool GlobalAveragePool GlobalMaxPool LpPool GlobalLpPool Resize Upsample"


def _elementwise(w: Channels, node: "onnx.NodeProto") -> None:
    """Broadcast from the right: an axis of length 1 stands for all indices and stays."""
    for out in filter(None, node.output):
        for name in filter(None, node.input):
            w.broadcast(name, out, range(w.rank(name)))


def _pool(w: Channels, node: "onnx.NodeProto") -> None:
    """Channel by channel; the places stay."""
    _channelwise(w, node.input[0], node.output[0])
    w.pin_all(filter(None, (*node.input[1:], *node.output[1:])))


def _max_pool(w: Channels, node: "onnx.NodeProto") -> None:
    if len(node.output) > 1 and node.output[1]:  # places counted over all channels
        w.pin_all((*node.input, *node.output))
    else:
        _pool(w, node)


def _channelwise(w: Channels, one: str, other: str) -> None:
    for axis in range(w.rank(one)):
        if axis < 2:
            w.tie((one, axis), (other, axis))
        else:
            w.pin((one, axis), (other, axis))


def _normalization(w: Channels, node: "onnx.NodeProto") -> None:
    """Batch and instance normalization: scale, shift and statistics of each channel."""
    _channelwise(w, node.input[0], node.output[0])
    for name in filter(None, (*node.input[1:], *node.output[1:])):
        w.tie((name, 0), (node.output[0], 1))


def _along_axis(w: Channels, node: "onnx.NodeProto") -> None:
    """Softmax: the axis that is summed over stays; in old opsets, all behind it."""
    x, y = node.input[0], node.output[0]
    default = -1 if opset_of(w.model) >= _ONE_AXIS or node.op_type == "LayerNormalization" else 1
    axis = attribute(node, "axis", default) % max(1, w.rank(x))
    for at in range(w.rank(x)):
        w.pin((x, at), (y, at)) if at >= axis else w.tie((x, at), (y, at))


def _layer_normalization(w: Channels, node: "onnx.NodeProto") -> None:
    _along_axis(w, node)
    w.pin_all(filter(None, (*node.input[1:], *node.output[1:])))


def _reduce(w: Channels, node: "onnx.NodeProto") -> None:
    """What is summed over stays, the rest goes along."""
    x, y = node.input[0], node.output[0]
    axes = _constant_axes(w, node)
    if axes is None:
        return w.pin_all((x, y))
    rank = w.rank(x)
    gone = {axis % rank for axis in axes}
    left = [at for at in range(rank) if at not in gone]
    w.pin(*((x, at) for at in gone))
    kept = attribute(node, "keepdims", 1)
    for to, at in enumerate(left):
        w.tie((x, at), (y, at if kept else to))
    return None


def _constant_axes(w: Channels, node: "onnx.NodeProto", place: int = 1) -> list[int] | None:
    """The attribute or constant input `axes`; None where it is not constant or means all."""
    given = attribute(node, "axes", None)
    if given is None and len(node.input) > place and node.input[place] in w.weights:
        given = w.weights[node.input[place]].ravel()
    return None if given is None else [int(axis) for axis in given]


def _transpose(w: Channels, node: "onnx.NodeProto") -> None:
    x, y = node.input[0], node.output[0]
    order = attribute(node, "perm", [*reversed(range(w.rank(x)))])
    for to, at in enumerate(order):
        w.tie((x, at), (y, to))


def _concat(w: Channels, node: "onnx.NodeProto") -> None:
    _pieces(w, node.output[0], list(node.input), attribute(node, "axis", 0))


def _split(w: Channels, node: "onnx.NodeProto") -> None:
    _pieces(w, node.input[0], list(node.output), attribute(node, "axis", 0))


def _pieces(w: Channels, whole: str, pieces: list[str], axis: int) -> None:
    """A tensor and its consecutive pieces along an axis."""
    axis %= w.rank(whole)
    first = 0
    for piece in pieces:
        for at in range(w.rank(whole)):
            if at != axis:
                w.tie((whole, at), (piece, at))
        size = w.size(piece, axis)
        if size and w.size(whole, axis) and (whole, axis) not in w.fixed:
            w.tie_ids(w.ids(whole, axis)[first : first + size], w.ids(piece, axis))
        else:
            w.pin((whole, axis), (piece, axis))
        first += size


def _slice(w: Channels, node: "onnx.NodeProto") -> None:
    axes = _constant_axes(w, node, 3)
    if axes is None:
        return w.pin_all(filter(None, (*node.input, *node.output)))
    x, y, rank = node.input[0], node.output[0], w.rank(node.input[0])
    for at in range(rank):
        if at in {axis % rank for axis in axes}:
            w.pin((x, at), (y, at))
        else:
            w.tie((x, at), (y, at))
    return None


def _pad(w: Channels, node: "onnx.NodeProto") -> None:
    """Axes without padding go along."""
    x, y, rank = node.input[0], node.output[0], w.rank(node.input[0])
    said = np.array(attribute(node, "pads", ()))  # below opset 11
    stored = "" if any(node.input[3:]) else "".join(node.input[1:2])
    pads = said if len(node.input) == 1 else w.weights.get(stored)
    if pads is None or pads.size != 2 * rank:
        return w.pin_all(filter(None, (*node.input, *node.output)))
    for at in range(rank):
        if pads[at] or pads[at + rank]:
            w.pin((x, at), (y, at))
        else:
            w.tie((x, at), (y, at))
    return None


def _gather(w: Channels, node: "onnx.NodeProto") -> None:
    """Rows picked along one axis, which stays; the rest goes along."""
    data, indices, out = node.input[0], node.input[1], node.output[0]
    axis, rank = attribute(node, "axis", 0) % max(1, w.rank(data)), w.rank(indices)
    w.pin((data, axis), *((indices, at) for at in range(rank)))
    w.pin(*((out, axis + at) for at in range(rank)))
    for at in range(w.rank(data)):
        if at != axis:
            w.tie((data, at), (out, at if at < axis else at + rank - 1))


def _reshape(w: Channels, node: "onnx.NodeProto") -> None:
    """Axes as they are, split or merged; in a split or merged one, at most one part may shrink."""
    x, y = node.input[0], node.output[0]
    w.pin_all(node.input[1:])
    for before, after in blocks(w.shapes[x], w.shapes[y]):
        if len(before) == 1 and len(after) == 1:
            w.tie((x, before[0]), (y, after[0]))
        elif len(before) == 1 and after:
            parts = [(y, at) for at in after]
            _parted(w, (x, before[0]), parts, _outermost(w, parts))
        elif len(after) == 1 and before:
            parts = [(x, at) for at in before]
            _parted(w, (y, after[0]), parts, _only_open(w, parts))
        else:
            w.pin(*((x, at) for at in before), *((y, at) for at in after))


def _outermost(w: Channels, parts: list[Axis]) -> Axis | None:
    """Which part of a split axis may shrink: the heads, behind a packed q, k, v."""
    long = [part for part in parts if w.size(*part) != 1]
    return long[1 if len(long) > 2 and w.size(*long[0]) <= _PACKED else 0] if long else None


def _only_open(w: Channels, parts: list[Axis]) -> Axis | None:
    """Which part of a merged axis may shrink: the only one that is not pinned."""
    found = [part for part in parts if part not in w.fixed and w.size(*part) != 1]
    return found[0] if len(found) == 1 else None


def _parted(w: Channels, whole: Axis, parts: list[Axis], free: Axis | None) -> None:
    """An axis and those that it is split into: with an index of the free one go all of the whole's
    that lie in it."""
    sizes = [w.size(*part) for part in parts]
    if free is None or not w.size(*whole) or not all(sizes):
        return w.pin(whole, *parts)
    at = parts.index(free)
    w.pin(*(part for part in parts if part != free))
    shape = [sizes[at] if i == at else 1 for i in range(len(parts))]
    w.tie_ids(w.ids(*whole).reshape(sizes), w.ids(*free).reshape(shape))
    if whole in w.fixed:
        w.pin(free)
    return None


RULES: dict[str, Rule] = {
    **PRODUCT_RULES,
    **dict.fromkeys(_ELEMENTWISE.split(), _elementwise),
    **dict.fromkeys(_POOLS.split(), _pool),
    **dict.fromkeys(["BatchNormalization", "InstanceNormalization"], _normalization),
    **dict.fromkeys(["Softmax", "LogSoftmax"], _along_axis),
    **dict.fromkeys(["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2"], _reduce),
    **dict.fromkeys(["Reshape", "Flatten", "Squeeze", "Unsqueeze"], _reshape),
    "MaxPool": _max_pool,
    "LayerNormalization": _layer_normalization,
    "Transpose": _transpose,
    "Concat": _concat,
    "Split": _split,
    "Slice": _slice,
    "Pad": _pad,
    "Gather": _gather,
}
"""The rule of each op type."""
