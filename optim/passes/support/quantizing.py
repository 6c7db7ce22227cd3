"""What the quantizing passes share: integer types, which nodes have weights, what was left."""

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from optim.model.proto import all_nodes
from optim.passes.support.tools import float_weights, listed, quiet

if TYPE_CHECKING:
    import onnx

_WEIGHT_INPUT = {"Gather": 0}  # elsewhere it is the second input
_ALSO_PRODUCTS = ("Gemm", "Einsum")
"""What became no MatMul before the quantizer is left, and counts with them."""
SPLIT_SUFFIX = "_MatMul"


class IntType(StrEnum):
    """8-bit integers: s8 from -128 to 127, u8 from 0 to 255."""

    S8 = "s8"
    U8 = "u8"


class ReduceRange(StrEnum):
    """Whether weights get 7 bits, whose products with bytes cannot overflow, instead of 8."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


_WAS = {"true": ReduceRange.ON, "false": ReduceRange.OFF}


def _as_before(value: Any) -> Any:
    """A setting that was true or false, and is so spelled in older recipes."""
    return _WAS.get(str(value).lower(), value)


Reducing = Annotated[ReduceRange, BeforeValidator(_as_before)]
"""The type of the setting `reduce_range`."""
REDUCING = (
    "Use 7 bits for weights, so that products cannot overflow: auto does where those of 8 bits "
    "do, as tried on the machine that builds and with the recipe's runtime."
)
"""What the setting is."""


def range_settled(product: str, overflowing: Collection[str]) -> tuple[ReduceRange, str]:
    """What `auto` means where these products overflow, and why, as a sentence."""
    tried = f"Tried on this machine with the recipe's runtime, products of bytes ({product})"
    if product in overflowing:
        return ReduceRange.ON, f"{tried} overflow."
    return ReduceRange.OFF, f"{tried} are exact."


def bits_said(setting: ReduceRange) -> str:
    """A sentence on how many bits the weights have."""
    if setting is ReduceRange.ON:
        return "Weights have 7 bits, whose products with bytes cannot overflow."
    return "Weights have 8 bits."


def quant_type(kind: str) -> Any:
    """ONNX Runtime's name for s8, u8 or u16."""
    from onnxruntime.quantization import QuantType

    return {"s8": QuantType.QInt8, "u8": QuantType.QUInt8, "u16": QuantType.QUInt16}[kind]


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


def weighted_nodes(
    model: "onnx.ModelProto",
    op_types: Iterable[str],
    among: Iterable["onnx.NodeProto"] | None = None,
) -> list["onnx.NodeProto"]:
    """The nodes of these op types, of all or those given, with a 32-bit float initializer."""
    weights, op_types = float_weights(model), set(op_types)
    nodes = model.graph.node if among is None else among
    return [n for n in nodes if n.op_type in op_types and _weight_of(n) in weights]


def _weight_of(node: "onnx.NodeProto") -> str:
    place = _WEIGHT_INPUT.get(node.op_type, 1)
    return node.input[place] if len(node.input) > place else ""


def is_excluded(node: "onnx.NodeProto", exclude: Iterable[str]) -> bool:
    """Whether a node is named in `exclude`, by its own name or that of the Gemm it was part of."""
    return bool({node.name, node.name.removesuffix(SPLIT_SUFFIX)} & set(exclude))


def coverage(
    model: "onnx.ModelProto",
    candidates: list["onnx.NodeProto"],
    after: "onnx.ModelProto",
    op_types: Collection[str],
    *,
    exclude: Iterable[str] = (),
    failed: Iterable[str] = (),
) -> tuple[str, ...]:
    """`2 of 4 Conv nodes were quantized; ...` for each op type, with all that was left and why.

    Args:
        model: as it was given to the quantizer; nodes inside of loops and branches count.
        candidates: its nodes that could be quantized.
        after: the quantized model.
        exclude: names of nodes that a person left in float.
        failed: names of those on which the library failed.
    """
    present = {node.op_type for node in all_nodes(model)}
    counted = {*op_types, *(_ALSO_PRODUCTS if "MatMul" in op_types else ())}
    float_still = {node.name for node in weighted_nodes(after, counted)}
    notes = []
    for op in sorted(present & counted):
        mine = [node for node in model.graph.node if node.op_type == op]
        inner = sum(node.op_type == op for node in all_nodes(model)) - len(mine)
        named = {node.name for node in candidates if node.op_type == op}
        done = named - float_still
        left = [node for node in mine if node.name not in done]
        reasons = _grouped([(n, _why_left(n, model, named, exclude, failed)) for n in left])
        if inner:
            reasons += f"; left in float inside of a loop or branch: {inner}"
        notes.append(f"{len(done)} of {len(mine) + inner} {op} nodes were quantized{reasons}.")
    return tuple(notes)


def _why_left(
    node: "onnx.NodeProto",
    model: "onnx.ModelProto",
    candidates: set[str],
    exclude: Iterable[str],
    failed: Iterable[str],
) -> str:
    if is_excluded(node, exclude):
        return "left in float as asked"
    if node.name in failed:
        return "left in float, since the library failed on them"
    if node.name in candidates:
        return "left in float by the quantizer"
    if weighted_nodes(model, [node.op_type], [node]):
        return "left in float, since the quantizer does not know their form"
    if (dtype := _stored_as(node, model)) not in ("", "FLOAT"):
        return f"left as they are, since their weights are {dtype.lower()}, not float32"
    return "left in float for want of constant weights"


def _stored_as(node: "onnx.NodeProto", model: "onnx.ModelProto") -> str:
    """ONNX's name for the type of a node's constant weights; empty where it has none."""
    from onnx import TensorProto

    stored = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    weight = _weight_of(node)
    return TensorProto.DataType.Name(stored[weight]) if weight in stored else ""


def _grouped(left: list[tuple["onnx.NodeProto", str]]) -> str:
    """`; REASON: names` for each reason."""
    reasons = dict.fromkeys(why for _, why in left)
    return "".join(
        f"; {reason}: {listed(node.name for node, why in left if why == reason)}"
        for reason in reasons
    )
