"""The names of a model's inputs and outputs, read from its file. Imports onnx: for children."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

if TYPE_CHECKING:
    from optim.runtimes.support.compiling import Compiling


def names_of(path: Path, engine: "Compiling") -> dict[str, list[Any]]:
    """Inputs that are no weights with their shapes (0: open), outputs and their types, in the
    file's order.

    Raises StepError in the engine's name for what is no model.
    """
    try:
        graph = onnx.load(str(path), load_external_data=False).graph
    except Exception:  # of many types
        raise engine.refusal("it is no ONNX model") from None
    if not graph.node:
        raise engine.refusal("it is no ONNX model")
    stored = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in stored]
    kinds = [value.type.tensor_type.elem_type for value in graph.output]
    return {
        "inputs": [value.name for value in inputs],
        "shapes": [[dim.dim_value for dim in value.type.tensor_type.shape.dim] for value in inputs],
        "outputs": [value.name for value in graph.output],
        "kinds": [str(onnx.helper.tensor_dtype_to_np_dtype(kind)) for kind in kinds],
    }
