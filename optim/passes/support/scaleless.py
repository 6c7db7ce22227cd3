"""Values so close to zero that a scale of 8 bits for them is no normal number.

ONNX Runtime's quantizer then takes a scale of 1: whatever the values are, they become zero. It does
so, too, for values that were zero on every calibration sample.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

_LEAST = 255 * float(np.finfo(np.float32).tiny)


def scaleless(model: "onnx.ModelProto", names: Iterable[str], ranges: Path) -> list[str]:
    """Those of the named nodes that read or write such values.

    Args:
        ranges: measured ones, a file as the quantizer has it.
    """
    from onnx import numpy_helper
    from onnxruntime.quantization.calibrate import load_tensors_data

    measured = load_tensors_data(ranges).items()
    close = {name for name, data in measured if _is_close(*map(np.asarray, data.range_value))}
    for tensor in model.graph.initializer:
        if tensor.data_type == tensor.FLOAT and tensor.name:
            array = numpy_helper.to_array(tensor)
            if array.any() and _is_close(array.min(), array.max()):
                close.add(tensor.name)
    chosen = set(names)
    return [
        node.name
        for node in model.graph.node
        if node.name in chosen and close.intersection((*node.input, *node.output))
    ]


def _is_close(low: np.ndarray, high: np.ndarray) -> bool:
    return bool(np.maximum(np.abs(low), np.abs(high)).max(initial=0) < _LEAST)
