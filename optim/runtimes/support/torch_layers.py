"""ONNX's layers in torch's words; see `torch_operators`."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  # as torch's documentation has it

from optim.runtimes.support.compiling import Lacks
from optim.runtimes.support.torch_operators import Call, operator, tensor

_CONV = (F.conv1d, F.conv2d, F.conv3d)
_TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
_MAX = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
_MEAN = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)


def _pads(call: Call, size: Sequence[int], kernel: Sequence[int]) -> list[tuple[int, int]]:
    """Begin and end of each axis of space."""
    rank, auto = len(kernel), call.get("auto_pad", "NOTSET")
    strides = call.get("strides") or [1] * rank
    dilations = call.get("dilations") or [1] * rank
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        found = []
        for n, k, s, d in zip(size, kernel, strides, dilations, strict=True):
            total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
            less = total // 2
            pair = (less, total - less)
            found.append(pair if auto == "SAME_UPPER" else pair[::-1])
        return found
    given = call.get("pads") or [0] * (2 * rank)
    return list(zip(given[:rank], given[rank:], strict=True))


def _padded(x: Any, pads: Sequence[tuple[int, int]], value: float) -> tuple[Any, list[int]]:
    """What an operator pads itself where both sides are alike; else x is padded before."""
    if all(begin == end for begin, end in pads):
        return x, [begin for begin, _ in pads]
    return F.pad(x, [one for pair in reversed(pads) for one in pair], value=value), [0] * len(pads)


@operator("Conv")
def _conv(call: Call, x: Any, w: Any, b: Any = None) -> Any:
    x, w, b = tensor(x), tensor(w), tensor(b)
    rank = w.dim() - 2
    x, padding = _padded(x, _pads(call, x.shape[2:], w.shape[2:]), 0.0)
    strides, dilations = (call.get(one) or [1] * rank for one in ("strides", "dilations"))
    return _CONV[rank - 1](x, w, b, strides, padding, dilations, call.get("group", 1))


@operator("ConvTranspose")
def _conv_transposed(call: Call, x: Any, w: Any, b: Any = None) -> Any:
    x, w, b = tensor(x), tensor(w), tensor(b)
    rank = w.dim() - 2
    pads = _pads(call, x.shape[2:], w.shape[2:])
    if call.get("output_shape") or any(begin != end for begin, end in pads):
        raise Lacks("a transposed convolution is padded on one side")
    strides, dilations = (call.get(one) or [1] * rank for one in ("strides", "dilations"))
    more, padding = call.get("output_padding") or [0] * rank, [begin for begin, _ in pads]
    group = call.get("group", 1)
    return _TRANSPOSED[rank - 1](x, w, b, strides, padding, more, group, dilations)


@operator("MaxPool")
def _max_pool(call: Call, x: Any) -> Any:
    kernel = call.get("kernel_shape")
    rank = len(kernel)
    pads = _pads(call, x.shape[2:], kernel)
    if any(begin != end or begin > k // 2 for (begin, end), k in zip(pads, kernel, strict=True)):
        x = F.pad(x, [one for pair in reversed(pads) for one in pair], value=-float("inf"))
        pads = [(0, 0)] * rank
    strides, dilations = (call.get(one) or [1] * rank for one in ("strides", "dilations"))
    ceil, padding = bool(call.get("ceil_mode", 0)), [begin for begin, _ in pads]
    return _MAX[rank - 1](x, kernel, strides, padding, dilations, ceil)


@operator("AveragePool")
def _mean_pool(call: Call, x: Any) -> Any:
    kernel = call.get("kernel_shape")
    rank, counted = len(kernel), bool(call.get("count_include_pad", 0))
    pads = _pads(call, x.shape[2:], kernel)
    if any(begin != end for begin, end in pads) and not counted:
        raise Lacks("an average is padded on one side")
    x, padding = _padded(x, pads, 0.0)
    strides, ceil = call.get("strides") or [1] * rank, bool(call.get("ceil_mode", 0))
    return _MEAN[rank - 1](x, kernel, strides, padding, ceil, counted)


@operator("GlobalAveragePool")
def _global_mean(call: Call, x: Any) -> Any:
    return x.mean(list(range(2, x.dim())), keepdim=True)


@operator("GlobalMaxPool")
def _global_max(call: Call, x: Any) -> Any:
    return x.amax(list(range(2, x.dim())), keepdim=True)


@operator("BatchNormalization")
def _batch_norm(call: Call, x: Any, *rest: Any) -> Any:
    scale, bias, mean, variance = (tensor(one) for one in rest)
    return F.batch_norm(x, mean, variance, scale, bias, False, 0.0, call.get("epsilon", 1e-5))


@operator("InstanceNormalization")
def _instance_norm(call: Call, x: Any, scale: Any, bias: Any) -> Any:
    return F.instance_norm(
        x, None, None, tensor(scale), tensor(bias), eps=call.get("epsilon", 1e-5)
    )


@operator("LayerNormalization")
def _layer_norm(call: Call, x: Any, scale: Any, bias: Any = None) -> Any:
    axis = call.get("axis", -1)
    shape = list(x.shape[axis:])
    scale, bias = tensor(scale), tensor(bias)
    return F.layer_norm(x, shape, scale.expand(shape), bias, call.get("epsilon", 1e-5))


@operator("LSTM")
def _lstm(call: Call, x: Any, *rest: Any) -> Any:
    return _recurrent(call, x, rest, "LSTM", (0, 2, 3, 1))


@operator("GRU")
def _gru(call: Call, x: Any, *rest: Any) -> Any:
    if not call.get("linear_before_reset", 0):
        raise Lacks("a GRU resets before its product")
    return _recurrent(call, x, rest, "GRU", (1, 0, 2))


_USUAL = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}


def _recurrent(call: Call, x: Any, rest: Any, kind: str, order: Sequence[int]) -> Any:
    """torch's own layer, its gates in torch's order."""
    given: list[Any] = [*rest, *[None] * (7 - len(rest))]
    w, r, b, lengths, h, c, peepholes = given
    both = call.get("direction", "forward") == "bidirectional"
    usual = call.get("activations", None) in (None, _USUAL[kind] * (1 + both))
    if lengths is not None or peepholes is not None or not usual or call.get("layout", 0):
        raise Lacks(f"the {kind} is of an unusual form")
    if call.get("direction", "forward") == "reverse":
        raise Lacks(f"the {kind} runs backwards")
    size, batch = call.get("hidden_size"), x.shape[1]
    weights: list[Any] = []
    for way in range(1 + both):
        parts = [tensor(w)[way], tensor(r)[way]]
        biases = tensor(b)[way] if b is not None else torch.zeros(2 * len(order) * size)
        parts += list(biases.chunk(2))
        weights += [torch.cat([part.chunk(len(order))[i] for i in order]) for part in parts]
    start = torch.zeros(1 + both, batch, size) if h is None else tensor(h)
    if kind == "LSTM":
        cell = torch.zeros(1 + both, batch, size) if c is None else tensor(c)
        y, last, cells = torch.lstm(x, (start, cell), weights, True, 1, 0.0, False, both, False)
    else:
        y, last = torch.gru(x, start, weights, True, 1, 0.0, False, both, False)
        cells = None
    steps = y.reshape(x.shape[0], batch, 1 + both, size).permute(0, 2, 1, 3)
    return (steps, last, cells)[: call.outputs] if cells is not None else (steps, last)
