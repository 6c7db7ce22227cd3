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
    fed = {value.name for value in graph.input}
    varying: set[str] = set()
    for node in graph.node:
        shaping = node.input[_SHAPED_BY.get(node.op_type, slice(0, 0))]
        has_body = any(attribute.HasField("g") for attribute in node.attribute)
        if has_body or varying.intersection(node.input) or fed.intersection(shaping):
            varying.update(node.output)
        values = varying if node.op_type in ("Shape", "Size") else fed
        if has_body or values.intersection(node.input):
            fed.update(node.output)
    return varying
