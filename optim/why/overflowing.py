"""What it would cost that sums of two 8-bit products leave 16 bits, recomputed on real samples.

On this machine they may not: its instructions may add in 32 bits. Others saturate
(`runtimes.support.overflow` has why), and how far that goes depends on weights and activations.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from optim.arrays import Array
from optim.judging.saturation import summed_last
from optim.runtimes.support.overflow import HIGHEST, LOWEST
from optim.why.reading_out import read_out

if TYPE_CHECKING:
    import onnx

_PLACES, _CHANNELS = 48, 64  # of a layer that are recomputed
_PAIRED = {"MatMul": (0, 1), "Gemm": (0, 1), "Conv": (0, 1)}
_RAW = {"MatMulInteger": (0, 1), "ConvInteger": (0, 1), "QLinearMatMul": (0, 3)}
_RAW |= {"QLinearConv": (0, 3)}


@dataclass(frozen=True)
class _Product:
    """A node, where its activations are read, how they are put in bytes, and its weights."""

    node: Any
    read: str
    scale: tuple[float, int] | None
    weights: Array


def overflowing(
    proto: "onnx.ModelProto", feeds: Sequence[Mapping[str, Array]], folder: Path
) -> dict[str, float]:
    """By a product's output: the noise that saturation would add, relative to its power."""
    products = list(_products(proto))
    if not products:
        return {}
    values = read_out(proto, sorted({one.read for one in products}), feeds, folder)
    return {
        one.node.output[0]: float(np.mean([_noise(one, value) for value in values[one.read]]))
        for one in products
    }


def _products(proto: "onnx.ModelProto") -> Iterator[_Product]:
    """Those of unsigned activations and signed weights of 8 bits."""
    from onnx import numpy_helper

    made = {name: node for node in proto.graph.node for name in node.output}
    stored = {one.name: one for one in proto.graph.initializer if not one.external_data}
    for node in proto.graph.node:
        places = _RAW.get(node.op_type) or _PAIRED.get(node.op_type)
        if places is None or len(node.input) <= places[1]:
            continue
        moving, weight = (node.input[place] for place in places)
        scale = None
        if node.op_type in _PAIRED:
            scale = _scale(made.get(moving), stored)
            weight = _bytes_of(made.get(weight))
            if scale is None:
                continue
        tensor = stored.get(weight)
        values = numpy_helper.to_array(tensor) if tensor is not None else np.zeros(())
        if values.dtype == np.int8 and values.ndim > 1:
            yield _Product(node, moving, scale, values.astype(np.int32))


def _scale(node: Any, stored: Mapping[str, Any]) -> tuple[float, int] | None:
    """Of the DequantizeLinear that gives unsigned bytes; None for anything else."""
    from onnx import numpy_helper

    if node is None or node.op_type != "DequantizeLinear" or len(node.input) < 3:
        return None
    parts = [stored.get(name) for name in node.input[1:3]]
    if any(part is None for part in parts):
        return None
    scale, zero = (numpy_helper.to_array(part) for part in parts)
    return (float(scale), int(zero)) if zero.dtype == np.uint8 and zero.size == 1 else None


def _bytes_of(node: Any) -> str:
    """What a weight's DequantizeLinear reads; empty for anything else."""
    return str(node.input[0]) if node is not None and node.op_type == "DequantizeLinear" else ""


def _noise(one: _Product, value: Array) -> float:
    """What saturation would add to the outputs that are recomputed, relative to their power."""
    zero = one.scale[1] if one.scale else 0
    if one.scale:
        value = np.clip(np.round(value / one.scale[0]) + zero, 0, 255)
    elif value.dtype != np.uint8:
        return 0.0
    rows, weights = _unrolled(one, value.astype(np.int32), zero)
    length = min(rows.shape[-1], weights.shape[-1]) // 2 * 2
    if not length or not rows.size:
        return 0.0
    pairs = [side[..., :length].reshape(len(side), -1, 2) for side in (rows, weights)]
    sums = [(row * pairs[1]).sum(axis=-1) for row in pairs[0]]
    lost = np.array([(each - np.clip(each, LOWEST, HIGHEST)).sum(axis=-1) for each in sums])
    if not lost.any():
        return 0.0
    answers = np.array([each.sum(axis=-1) for each in sums]) - zero * pairs[1].sum(axis=(1, 2))
    return float(np.mean(lost**2.0) / max(1.0, np.mean(answers**2.0)))


def _unrolled(one: _Product, value: Array, zero: int) -> tuple[Array, Array]:
    """[rows, summed] of activations and [channels, summed] of weights, some of each."""
    if "Conv" in one.node.op_type:
        attributes = {a.name: a for a in one.node.attribute}
        return _of_convolution(attributes, value, one.weights, zero)
    weights = summed_last(one.node, one.weights)
    return _some(value.reshape(-1, value.shape[-1]), _PLACES), _some(
        weights.reshape(-1, weights.shape[-1]), _CHANNELS
    )


def _of_convolution(
    attributes: Mapping[str, Any], value: Array, weights: Array, zero: int
) -> tuple[Array, Array]:
    """The first group's; [positions, channels x kernel]."""
    axes, inner = weights.ndim - 2, weights.shape[1]
    kernel = weights.shape[2:]

    def each(name: str, count: int, usual: int) -> list[int]:
        return list(attributes[name].ints) if name in attributes else [usual] * count

    pads, strides, steps = (
        each("pads", 2 * axes, 0),
        each("strides", axes, 1),
        each("dilations", axes, 1),
    )
    around = [(0, 0), *zip(pads[:axes], pads[axes:], strict=True)]
    padded = np.pad(value[0][:inner], around, constant_values=zero)
    spans = [(size - 1) * step + 1 for size, step in zip(kernel, steps, strict=True)]
    if any(size < span for size, span in zip(padded.shape[1:], spans, strict=True)):
        return np.zeros((0, 1)), weights.reshape(len(weights), -1)
    seen = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=tuple(range(1, axes + 1)))
    every = [slice(None), *(slice(None, None, one) for one in (*strides, *steps))]
    seen = seen[tuple(every)]
    places = np.moveaxis(seen, 0, axes).reshape(-1, inner * int(np.prod(kernel)))
    groups = attributes["group"].i if "group" in attributes else 1
    return _some(places, _PLACES), _some(
        weights[: len(weights) // max(1, groups)].reshape(-1, places.shape[1]), _CHANNELS
    )


def _some(rows: Array, most: int) -> Array:
    """At most so many, spread evenly."""
    return rows[:: -(-len(rows) // most)] if len(rows) > most else rows
