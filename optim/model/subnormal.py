"""Subnormal numbers: closer to zero than the smallest normal float, and slow on many CPUs.

IEEE 754: numbers whose exponent is all zeros and whose fraction is not.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array
from optim.model.proto import all_tensors

if TYPE_CHECKING:
    import onnx

SHARE_THAT_MATTERS = 0.01
"""Of a tensor's numbers: fewer come about by chance where weights have decayed a little."""
_EXPONENT, _FRACTION = np.uint32(0x7F800000), np.uint32(0x007FFFFF)


def subnormal_weights(model: "onnx.ModelProto") -> Iterator[tuple[str, float]]:
    """Names of the 32-bit float weights with more than a few subnormal numbers, and their share."""
    from onnx import TensorProto, numpy_helper

    for tensor in all_tensors(model):
        if tensor.data_type == TensorProto.FLOAT and tensor.data_location != TensorProto.EXTERNAL:
            share = share_subnormal(numpy_helper.to_array(tensor))
            if share >= SHARE_THAT_MATTERS:
                yield tensor.name, share


def share_subnormal(values: Array) -> float:
    """Of 32-bit floats, by their bits, since a CPU may be set to take them for zeros."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    tiny = ((bits & _EXPONENT) == 0) & ((bits & _FRACTION) != 0)
    return float(np.mean(tiny)) if tiny.size else 0.0
