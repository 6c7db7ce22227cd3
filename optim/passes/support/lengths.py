"""The value that holds a sequence's length in a graph: computed from an input, or one for all."""

from typing import TYPE_CHECKING

import numpy as np

from optim.passes.support.padding import Padded

if TYPE_CHECKING:
    import onnx

LENGTH = "true_length"
"""Name of the value, [1] of int64; what belongs to it has names that begin so."""


def fixed_length(model: "onnx.ModelProto", size: int) -> None:
    """One length for all inputs, in place."""
    from onnx import numpy_helper

    tensor = numpy_helper.from_array(np.array([size], np.int64), LENGTH)
    model.graph.initializer.append(tensor)


def own_length(model: "onnx.ModelProto", padded: Padded, multiple: int) -> None:
    """The length up to the last place that is no padding, rounded up to a multiple, in place.

    Places are numbered from 1; the largest number of one that holds something is the length.
    """
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "places": np.arange(1, padded.length + 1, dtype=np.int64),
        "one": np.array([1], np.int64),
        "shape": np.array([1], np.int64),
        "more": np.array([multiple - 1], np.int64),
        "multiple": np.array([multiple], np.int64),
        "full": np.array([padded.length], np.int64),
        "pad": np.array([padded.pad or 0], np.int64),
    }
    for name, value in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(value, f"{LENGTH}_{name}"))

    def node(op: str, inputs: list[str], output: str, **attributes: object) -> "onnx.NodeProto":
        names = [n if n == padded.by else f"{LENGTH}_{n}" for n in inputs]
        made = f"{LENGTH}_{output}" if output else LENGTH
        return helper.make_node(op, names, [made], name=made, **attributes)

    nodes = [
        node("Cast", [padded.by], "numbers", to=TensorProto.INT64),
        node("Equal", ["numbers", "pad"], "is_pad"),
        node("Not", ["is_pad"], "holds"),
        node("Cast", ["holds"], "held", to=TensorProto.INT64),
        node("Mul", ["held", "places"], "last"),
        node("ReduceMax", ["last"], "longest", keepdims=0),
        node("Reshape", ["longest", "shape"], "length"),
        node("Max", ["length", "one"], "at_least"),
        node("Add", ["at_least", "more"], "up"),
        node("Div", ["up", "multiple"], "times"),
        node("Mul", ["times", "multiple"], "rounded"),
        node("Min", ["rounded", "full"], ""),
    ]
    for made in reversed(nodes):
        model.graph.node.insert(0, made)
