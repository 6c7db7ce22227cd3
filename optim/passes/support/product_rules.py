"""How products tie channels: which axes they sum over, and which make their FLOPs."""

from typing import TYPE_CHECKING

from optim.passes.support.channels import Channels, Product, Rule, attribute, volume

if TYPE_CHECKING:
    import onnx


def _conv(w: Channels, node: "onnx.NodeProto") -> None:
    """[out, in / groups, ...]; a group for each channel goes with it, in other groups the channels
    of one place go from all groups together, so that the groups stay alike."""
    x, weight, y = node.input[0], node.input[1], node.output[0]
    groups = attribute(node, "group", 1)
    places = range(2, w.rank(x))
    w.pin(*((name, at) for name in (x, weight, y) for at in places))
    w.tie((x, 0), (y, 0))
    if not w.size(x, 1):
        return w.pin_all((*node.input, *node.output))
    w.tie((weight, 0), (y, 1))
    if len(node.input) > 2 and node.input[2]:
        w.tie((node.input[2], 0), (y, 1))
    if groups == 1:
        w.tie((x, 1), (weight, 1))
    else:
        _grouped(w, node, groups)
    factor = 2 * volume(w.shapes[y]) / w.size(y, 1) * volume(w.shapes[weight][2:])
    axes = ((weight, 0), (weight, 1))
    w.products.append(Product(node.name, factor, axes, _constant(w, weight), 0, 1, (x, 1)))
    return None


def _grouped(w: Channels, node: "onnx.NodeProto", groups: int) -> None:
    x, weight, y = node.input[0], node.input[1], node.output[0]
    into, out = w.ids(x, 1).reshape(groups, -1), w.ids(y, 1).reshape(groups, -1)
    if groups == w.size(x, 1):  # depthwise
        w.pin((weight, 1))
        w.tie_ids(into, out)
    else:
        w.tie_ids(into, w.ids(weight, 1)[None])
        w.tie_ids(out, out[:1])


def _conv_transpose(w: Channels, node: "onnx.NodeProto") -> None:
    """[in, out / groups, ...]."""
    x, weight, y = node.input[0], node.input[1], node.output[0]
    if attribute(node, "group", 1) != 1:
        return w.pin_all(filter(None, (*node.input, *node.output)))
    w.pin(*((name, at) for name in (x, weight, y) for at in range(2, w.rank(x))))
    w.tie((x, 0), (y, 0))
    w.tie((x, 1), (weight, 0))
    w.tie((weight, 1), (y, 1))
    if len(node.input) > 2 and node.input[2]:
        w.tie((node.input[2], 0), (y, 1))
    factor = 2 * volume(w.shapes[x][2:]) * volume(w.shapes[weight][2:])
    axes = ((weight, 0), (weight, 1))
    w.products.append(Product(node.name, factor, axes, _constant(w, weight), 1, 0, (x, 1)))
    return None


def _gemm(w: Channels, node: "onnx.NodeProto") -> None:
    a, b, y = node.input[0], node.input[1], node.output[0]
    rows, summed = (1, 0) if attribute(node, "transA", 0) else (0, 1)
    out, into = (0, 1) if attribute(node, "transB", 0) else (1, 0)
    w.tie((a, rows), (y, 0))
    w.tie((a, summed), (b, into))
    w.tie((b, out), (y, 1))
    if len(node.input) > 2 and node.input[2]:
        w.broadcast(node.input[2], y, range(w.rank(node.input[2])))
    factor = 2 * volume(w.shapes[y][:1])
    axes = ((b, 0), (b, 1))
    w.products.append(Product(node.name, factor, axes, _constant(w, b), out, into, (a, summed)))


def _matmul(w: Channels, node: "onnx.NodeProto") -> None:
    a, b, y = node.input[0], node.input[1], node.output[0]
    if min(w.rank(a), w.rank(b)) < 2:
        return w.pin_all((a, b, y))
    last, rank = w.rank(a) - 1, w.rank(y)
    w.tie((a, last), (b, w.rank(b) - 2))
    w.tie((a, last - 1), (y, rank - 2))
    w.tie((b, w.rank(b) - 1), (y, rank - 1))
    for name in (a, b):
        w.broadcast(name, y, range(w.rank(name) - 2))
    axes = ((a, last), *((y, at) for at in range(rank)))
    known = tuple(axis for axis in axes if w.size(*axis))
    weight = _constant(w, b) if w.rank(b) == 2 else ""
    w.products.append(Product(node.name, 2.0, known, weight, 1, 0, (a, last)))
    return None


def _constant(w: Channels, name: str) -> str:
    return name if name in w.weights else ""


PRODUCT_RULES: dict[str, Rule] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Gemm": _gemm,
    "MatMul": _matmul,
}
"""The rules of the operators that have weights whose channels can be removed."""
