"""Weights that a product reads turned round: stored so, that quantizers know them as weights.

A language model's last product reads the table of its first layer transposed. Optimizers leave such
a node where others read the table too, and quantizers take no weight that a node makes.
"""

from typing import TYPE_CHECKING

import numpy as np

from optim.passes.support.rewiring import replace_nodes

if TYPE_CHECKING:
    import onnx

_PRODUCTS = ("MatMul", "Gemm")
_SECOND = 1  # the input of a product that is its weight


def store_transposed(model: "onnx.ModelProto", most_bytes: int) -> int:
    """Store, in place, what Transpose makes of float32 weights for products; how many there were.

    Args:
        most_bytes: that all of them together may take.
    """
    from onnx import numpy_helper

    graph = model.graph
    weights = {t.name: t for t in graph.initializer if t.data_type == t.FLOAT}
    read = {n.input[_SECOND] for n in graph.node if n.op_type in _PRODUCTS}
    outputs = {value.name for value in graph.output}
    done = list["onnx.NodeProto"]()
    for node in graph.node:
        held = weights.get(node.input[0]) if node.op_type == "Transpose" else None
        if held is None or node.output[0] not in read - outputs:
            continue
        array = numpy_helper.to_array(held)
        most_bytes -= array.nbytes
        if most_bytes < 0:
            break
        turned = np.ascontiguousarray(array.transpose(_order(node)))
        graph.initializer.append(numpy_helper.from_array(turned, node.output[0]))
        done.append(node)
    if done:
        gone = {node.output[0] for node in done}
        replace_nodes(graph, [node for node in graph.node if node.output[0] not in gone])
    return len(done)


def _order(node: "onnx.NodeProto") -> list[int] | None:
    return next(([*a.ints] for a in node.attribute if a.name == "perm"), None)
