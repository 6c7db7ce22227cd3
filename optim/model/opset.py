"""A model in a newer opset, by the converter of the `onnx` package."""

from typing import TYPE_CHECKING

from optim.errors import StepError, one_line
from optim.model.proto import copy_of, opset_of, real_inputs

if TYPE_CHECKING:
    import onnx

_NUMPY_RULES = 7  # the opset since which operands are broadcast as numpy does


def at_least_opset(model: "onnx.ModelProto", version: int) -> "onnx.ModelProto":
    """The model, converted where its opset is older. Raises StepError where that fails."""
    import onnx

    current = opset_of(model)
    if current >= version:
        return model
    try:
        given = _without_axes(model) if current < _NUMPY_RULES <= version else model
        raised = onnx.version_converter.convert_version(given, version)
    except Exception as error:  # a C++ exception of no particular type
        raise StepError(
            f"The model has opset {current}, {version} is needed, and the conversion failed "
            f"({one_line(error, 200)}).",
            f"Export the model again with opset {version} or newer.",
        ) from None
    raised.ir_version = max(raised.ir_version, model.ir_version)
    restore_interface(raised, model)
    del raised.graph.value_info[:]  # of what it adds, without a type: ONNX Runtime refuses that
    return raised


def _without_axes(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """A copy whose element-wise operators need no `axis`: the second operand gets ones behind it.

    Below opset 7 it says where the second operand's axes begin; the converter (onnx 1.22) takes
    a vector along the channels for one along the batch. The slopes of PRelu always were along them.
    """
    made = copy_of(model)
    ranks = _ranks(made)
    nodes = list(made.graph.node)
    del made.graph.node[:]
    for node in nodes:
        axis = next((a for a in node.attribute if a.name == "axis"), None)
        if axis and any(a.name == "broadcast" and a.i for a in node.attribute):
            first, second = (ranks[name] for name in node.input)
            node.attribute.remove(axis)
            _lengthen(made, node, range(second, first - axis.i % first))
        if node.op_type == "PRelu" and ranks.get(node.input[1]) == 1:
            _lengthen(made, node, range(1, ranks.get(node.input[0], 0) - 1))
        made.graph.node.append(node)
    return made


def _lengthen(model: "onnx.ModelProto", node: "onnx.NodeProto", axes: range) -> None:
    """Put axes of length 1 behind those of a node's second operand, if any."""
    import onnx

    if axes:
        longer = f"{node.input[1]}_along_{node.output[0]}"
        model.graph.node.append(
            onnx.helper.make_node("Unsqueeze", [node.input[1]], [longer], axes=[*axes])
        )
        node.input[1] = longer


def _ranks(model: "onnx.ModelProto") -> dict[str, int]:
    """How many axes each value of the main graph has that inference can tell."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(model).graph
    known = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            known[value.name] = len(value.type.tensor_type.shape.dim)
    return known


def restore_interface(model: "onnx.ModelProto", like: "onnx.ModelProto") -> None:
    """Undo what a library did to inputs and outputs: unused ones dropped, shapes rewritten."""
    inputs = real_inputs(like.graph)
    del model.graph.input[:], model.graph.output[:]
    model.graph.input.extend(inputs)
    model.graph.output.extend(like.graph.output)
