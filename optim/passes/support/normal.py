"""A model in the form that the libraries behind the passes expect, computing the same."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from optim.model.proto import all_graphs
from optim.model.sparse import make_dense
from optim.passes.support.einsums import einsums_as_products
from optim.passes.support.gemms import plain_gemms
from optim.passes.support.names import free_names
from optim.passes.support.rewiring import replace_nodes

if TYPE_CHECKING:
    import onnx

_LISTED = {
    **dict.fromkeys(("value_float", "value_floats"), "float32"),
    **dict.fromkeys(("value_int", "value_ints"), "int64"),
}
_MIN_IR = 4  # the first whose initializers need not be inputs too


def make_normal(model: "onnx.ModelProto", keep: Iterable[str] = ()) -> tuple[str, ...]:
    """Bring a model into that form, in place; what is in it already stays as it is.

    Args:
        keep: names of nodes that stay.

    Returns: sentences on what was changed.
    """
    model.ir_version = max(model.ir_version, _MIN_IR)
    dense = len(make_dense(model))
    listed, stored = plain_constants(model), stored_weights(model)
    einsums, gemms = einsums_as_products(model), plain_gemms(model)
    names = free_names(model, keep)
    said = {
        f"{listed} constants that were written as lists became tensors": listed,
        f"{stored} weights that were nodes (Constant) were stored as weights": stored,
        f"{dense} sparse weights were stored dense": dense,
        f"{einsums} Einsum nodes with constant weights were written as MatMul": einsums,
        f"{gemms} Gemm nodes got plain weights and a vector as their bias": gemms,
        f"{names} names that quantizers use themselves were changed inside of the model": names,
    }
    return tuple(f"Before the passes, {text}." for text, count in said.items() if count)


def plain_constants(model: "onnx.ModelProto") -> int:
    """Constants held as numbers or lists of them as tensors, in place; how many there were.

    onnxslim 0.1.98 reads such floats as doubles, and the result does not load.
    """
    import numpy as np
    from onnx import helper, numpy_helper

    count = 0
    for graph in all_graphs(model):
        for node in graph.node:
            held = node.attribute[0] if node.op_type == "Constant" and node.attribute else None
            dtype = _LISTED.get(held.name) if held else None
            if held and dtype:
                array = np.array(helper.get_attribute_value(held), dtype)
                del node.attribute[:]
                tensor = numpy_helper.from_array(array)
                node.attribute.append(helper.make_attribute("value", tensor))
                count += 1
    return count


def stored_weights(model: "onnx.ModelProto") -> int:
    """Arrays of floats that nodes hold become initializers, in place; how many there were.

    Paddle's and TensorFlow's exporters write weights as Constant nodes, which few passes look at.
    Single numbers and whole numbers stay where they are: they are settings more than weights.
    """
    outputs = {value.name for value in model.graph.output}
    held, left = list["onnx.NodeProto"](), list["onnx.NodeProto"]()
    for node in model.graph.node:
        stays = not _weight(node) or node.output[0] in outputs
        (left if stays else held).append(node)
    for node in held:
        tensor = model.graph.initializer.add()
        tensor.CopyFrom(node.attribute[0].t)
        tensor.name = node.output[0]
    if held:
        replace_nodes(model.graph, left)
    return len(held)


def _weight(node: "onnx.NodeProto") -> bool:
    from onnx import TensorProto

    if node.op_type != "Constant" or not node.attribute or node.attribute[0].name != "value":
        return False
    floats = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    held = node.attribute[0].t
    return bool(held.dims) and held.data_type in floats
