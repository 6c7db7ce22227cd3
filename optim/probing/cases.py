"""What a probe tries: operations at a few sizes, each in the precisions that it comes in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.probing import graphs
from optim.probing.values import FP32, Operation

if TYPE_CHECKING:
    import onnx

_PRECISIONS = (FP32, "bf16", "fp16", "u8s8", "s8s8", "u8u8")
_LAYERS = 2  # of a graph of convolutions or products
_MEMORY_WIDTH = 4096


@dataclass(frozen=True)
class Case:
    """One operation at one size: `shape` of its input, `work` as `Row` has it.

    `model` gives its graph in one of the `precisions`. `threaded`: whether it shows what more
    threads bring.
    """

    operation: Operation
    size: str
    shape: tuple[int, ...]
    work: float
    precisions: tuple[str, ...]
    model: Callable[[str], "onnx.ModelProto"]
    threaded: bool = False


def cases() -> list[Case]:
    """Every case, those first whose figures matter most."""
    return [
        _conv("conv 3x3", 128, 14, threaded=True),
        _matmul(128, 384, threaded=True),
        _conv("conv 1x1", 256, 14, threaded=True),
        _empty(),
        _conv("depthwise 3x3", 96, 56),
        _lstm(32, 128),
        _conv("conv 3x3", 32, 56),
        _matmul(1, 1024),
        _conv("conv 1x1", 64, 56),
        _conv("depthwise 3x3", 384, 14),
        _lstm(16, 384),
        _memory(),
    ]


def _conv(operation: Operation, channels: int, pixels: int, threaded: bool = False) -> Case:
    """Square images; as many channels come out as go in."""
    kernel = 1 if operation == "conv 1x1" else 3
    group = channels if operation == "depthwise 3x3" else 1
    shape = (1, channels, pixels, pixels)
    weight = _weight(channels, channels // group, kernel, kernel)
    attributes = {"group": group, "pads": [kernel // 2] * 4, "kernel_shape": [kernel] * 2}

    def model(precision: str) -> "onnx.ModelProto":
        return graphs.layers("Conv", weight, list(shape), precision, **attributes)

    return Case(
        operation,
        f"{channels} channels, {pixels}x{pixels}",
        shape,
        _LAYERS * 2.0 * weight.size * pixels**2,
        _PRECISIONS if group > 1 else (*_PRECISIONS, "dynamic"),
        model,
        threaded,
    )


def _matmul(rows: int, width: int, threaded: bool = False) -> Case:
    """[rows, width] times [width, width]."""
    weight = _weight(width, width).T.copy()

    def model(precision: str) -> "onnx.ModelProto":
        return graphs.layers("MatMul", weight, [rows, width], precision)

    return Case(
        "matmul",
        f"{rows} x {width} x {width}",
        (rows, width),
        _LAYERS * 2.0 * rows * width**2,
        (*_PRECISIONS, "dynamic"),
        model,
        threaded,
    )


def _lstm(steps: int, width: int) -> Case:
    """As wide inside as its input is."""
    return Case(
        "lstm",
        f"{steps} steps of {width}",
        (steps, 1, width),
        2.0 * steps * 4 * width * 2 * width,
        (FP32, "bf16", "dynamic"),
        lambda precision: graphs.lstm(steps, width, precision),
    )


def _memory() -> Case:
    width = _MEMORY_WIDTH
    return Case(
        "memory",
        f"{width * width * 4 / 1e6:.0f} MB",
        (1, width),
        width * width * 4.0,
        (FP32,),
        lambda precision: graphs.reading(width),
    )


def _empty() -> Case:
    return Case("empty", "one number", (1,), 0.0, (FP32,), lambda precision: graphs.empty())


def _weight(*shape: int) -> Array:
    """Random, so that values grow little from layer to layer."""
    values = np.random.default_rng(0).standard_normal(shape)
    weight: Array = (values / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    return weight
