"""Which shapes depend on the data fed in, where an engine cannot infer them (trees, for one)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_SHAPED_BY = {
    **dict.fromkeys(("ConstantOfShape", "NonZero", "Range", "Unique"), slice(0, None)),
    "NonMaxSuppression": slice(0, None),
    **dict.fromkeys(("Compress", "Expand", "OneHot", "Pad", "Reshape", "Resize"), slice(1, None)),
    **dict.fromkeys(("Slice", "Split", "Tile", "TopK", "Upsample"), slice(1, None)),
    **dict.fromkeys(("CenterCropPad", "Col2Im", "DFT", "STFT", "Squeeze"), slice(1, None)),
    **dict.fromkeys(("AffineGrid", "MaxUnpool", "Unsqueeze"), slice(1, None)),
}
"""Operator -> those inputs whose values, not only their shapes, make the output's shape."""


def varying_shapes(graph: "onnx.GraphProto") -> set[str]:
    """The values whose shape may depend on what is fed in, input shapes being static."""
    varying: set[str] = set()
    _follow(graph, {value.name for value in graph.input}, varying)
    return varying


def _follow(graph: "onnx.GraphProto", fed: set[str], varying: set[str]) -> None:
    """Add what the graph's nodes make to the values that depend on what is fed in, in place.

    Args:
        fed: values that do; `varying`: those whose shape does.
    """
    for node in graph.node:
        shaping = node.input[_SHAPED_BY.get(node.op_type, slice(0, 0))]
        has_body = any(attribute.HasField("g") for attribute in node.attribute)
        open_body = has_body and not (node.op_type == "Scan" and _steps_alike(node, fed, varying))
        if open_body or varying.intersection(node.input) or fed.intersection(shaping):
            varying.update(node.output)
        values = varying if node.op_type in ("Shape", "Size") else fed
        if has_body or values.intersection(node.input):
            fed.update(node.output)


def _steps_alike(node: "onnx.NodeProto", fed: set[str], varying: set[str]) -> bool:
    """Whether each step of a Scan makes the same shapes: then its own follow from its inputs'."""
    body = next(attribute.g for attribute in node.attribute if attribute.HasField("g"))
    inner = set(varying)
    _follow(body, fed | {value.name for value in body.input}, inner)
    return not inner.intersection(value.name for value in body.output)
