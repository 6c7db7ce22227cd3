"""What the quantizing passes share: integer types, opset upgrades, which nodes have weights."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from optim.errors import StepError, one_line
from optim.model.proto import opset_of
from optim.passes.support.tools import float_weights, listed, quiet

if TYPE_CHECKING:
    import onnx

_WEIGHT_INPUT = {"Gather": 0}  # elsewhere it is the second input
_SPLIT_SUFFIX = "_MatMul"
APPENDED = rf"({_SPLIT_SUFFIX})?_quant(_\w+)?$"
"""What ONNX Runtime's quantizer appends to the names of the nodes that it replaces."""


class IntType(StrEnum):
    """8-bit integers: s8 from -128 to 127, u8 from 0 to 255."""

    S8 = "s8"
    U8 = "u8"


def quant_type(kind: str) -> Any:
    """ONNX Runtime's name for s8, u8 or u16."""
    from onnxruntime.quantization import QuantType

    return {"s8": QuantType.QInt8, "u8": QuantType.QUInt8, "u16": QuantType.QUInt16}[kind]


def at_least_opset(model: "onnx.ModelProto", version: int) -> "onnx.ModelProto":
    """The model, converted where its opset is older. Raises StepError where that fails."""
    import onnx

    current = opset_of(model)
    if current >= version:
        return model
    try:
        return onnx.version_converter.convert_version(model, version)
    except Exception as error:  # a C++ exception of no particular type
        raise StepError(
            f"The model has opset {current}, this pass needs {version}, and the conversion failed "
            f"({one_line(error, 200)}).",
            f"Export the model again with opset {version} or newer.",
        ) from None


def gemm_as_matmul(model: "onnx.ModelProto") -> "onnx.ModelProto":
    """The model with each plain Gemm as MatMul (named `<gemm>_MatMul`) and Add, in place.

    The quantizers of weights know MatMul only; engines merge what is left of the pairs again.
    """
    with quiet():
        from onnxruntime.quantization.onnx_model import ONNXModel

        wrapped = ONNXModel(model)
        wrapped.replace_gemm_with_matmul()
        wrapped.clean_initializers()
    return wrapped.model


def weighted_nodes(model: "onnx.ModelProto", op_types: Iterable[str]) -> list["onnx.NodeProto"]:
    """The nodes of these op types whose weight is a 32-bit float initializer."""
    weights, op_types = float_weights(model), set(op_types)
    return [
        node
        for node in model.graph.node
        if node.op_type in op_types and node.input[_WEIGHT_INPUT.get(node.op_type, 1)] in weights
    ]


def is_excluded(node: "onnx.NodeProto", exclude: Iterable[str]) -> bool:
    """Whether a node is named in `exclude`, by its own name or that of the Gemm it was part of."""
    return bool({node.name, node.name.removesuffix(_SPLIT_SUFFIX)} & set(exclude))


def coverage(before: list["onnx.NodeProto"], after: "onnx.ModelProto") -> tuple[str, ...]:
    """`12 of 14 Conv nodes with weights were quantized; left in float: a, b.` for each op type.

    Args:
        before: all nodes that could be quantized.
        after: the quantized model.
    """
    notes = []
    for op in sorted({node.op_type for node in before}):
        total = sum(node.op_type == op for node in before)
        left = [node.name for node in weighted_nodes(after, [op])]
        kept = f"; left in float: {listed(left)}" if left else ""
        notes.append(
            f"{total - len(left)} of {total} {op} nodes with weights were quantized{kept}."
        )
    return tuple(notes)
