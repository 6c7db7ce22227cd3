"""What products with packed weights are computed in, and whether 8 bits change answers."""

import itertools
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.model.proto import all_nodes, copy_of
from optim.passes.base import Calibration
from optim.passes.support.running import outputs_of
from optim.passes.support.tools import float_weights

if TYPE_CHECKING:
    import onnx


class Compute(StrEnum):
    """What the products are computed in, once the weights are unpacked."""

    INT8 = "int8"
    FLOAT32 = "float32"


ACCURACY_LEVEL = {Compute.FLOAT32: 1, Compute.INT8: 4}
"""The attribute of MatMulNBits that says so."""
_MOST_SAMPLES = 8
_TOLERATED = 0.05  # noise of the outputs, relative to them, that rounding activations may add


def gated(model: "onnx.ModelProto", calibration: Calibration) -> str:
    """Compute in float, in place, where products in 8 bits change answers; a sentence on it."""
    precise = copy_of(model)
    _set_level(precise, ACCURACY_LEVEL[Compute.FLOAT32])
    some = [*itertools.islice(calibration, _MOST_SAMPLES)]
    count = calibration.counted(len(some))
    pairs = zip(outputs_of(precise, some), outputs_of(model, some), strict=True)
    noise = [_noise(expected, got) for expected, got in pairs]
    usual = float(np.median(noise))
    added = f"add {usual:.2g} of noise to the outputs on {count} calibration samples"
    if usual <= _TOLERATED:
        return f"Products are computed in 8 bits, which {added}."
    _set_level(model, ACCURACY_LEVEL[Compute.FLOAT32])
    return f"Products are computed in float, since those in 8 bits {added}."


def _set_level(model: "onnx.ModelProto", level: int) -> None:
    for node in all_nodes(model):
        for attribute in node.attribute if node.op_type == "MatMulNBits" else ():
            if attribute.name == "accuracy_level":
                attribute.i = level


def _noise(expected: Mapping[str, Array], got: Mapping[str, Array]) -> float:
    """Of the worst output of floats, relative to it; of one of another length nothing is known."""
    found = [0.0]
    for name, array in expected.items():
        if array.dtype.kind == "f":
            size = float(np.linalg.norm(array.reshape(-1)))
            if array.shape == got[name].shape:
                off = float(np.linalg.norm((array - got[name]).reshape(-1)))
                found.append(off / size if size else off)
    return max(found)


def packed_weights(model: "onnx.ModelProto", packed: "onnx.ModelProto") -> dict[str, Array]:
    """The float weight of each MatMulNBits node by the name of its packed input."""
    from onnx import numpy_helper

    weights = float_weights(model)
    products = {node.output[0]: node for node in model.graph.node if node.op_type == "MatMul"}
    return {
        node.input[1]: numpy_helper.to_array(weights[products[node.output[0]].input[1]])
        for node in packed.graph.node
        if node.op_type == "MatMulNBits" and node.output[0] in products
    }
