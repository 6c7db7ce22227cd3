"""What a node carries beside its tensors: its attributes, in words, and where it was exported."""

import ast
import hashlib
from typing import Any

import onnx
from onnx import AttributeProto, helper

_LONGEST = 80
_DIGEST = 8
_SCOPES = "pkg.torch.onnx.name_scopes"
"""Metadata that PyTorch's exporter writes: the modules around a node, each by its full name."""
_OPAQUE = (
    *(AttributeProto.TENSOR, AttributeProto.GRAPH, AttributeProto.SPARSE_TENSOR),
    *(AttributeProto.TENSORS, AttributeProto.GRAPHS, AttributeProto.SPARSE_TENSORS),
)


def attributes_of(node: onnx.NodeProto) -> str:
    """The attributes in the order of their names; equal text means equal attributes."""
    found = sorted(node.attribute, key=lambda attribute: attribute.name)
    return ", ".join(f"{attribute.name}={_shown(attribute)}" for attribute in found)


def scope_of(node: onnx.NodeProto) -> tuple[str, ...]:
    """The modules that the exporter says the node is in, the outermost first."""
    text = next((entry.value for entry in node.metadata_props if entry.key == _SCOPES), "")
    if not text or len(text) > 10_000:
        return ()
    try:
        names = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return ()
    if not isinstance(names, list):
        return ()
    return tuple(str(name) for name in names[:-1] if name)  # the last names the node itself


def _shown(attribute: onnx.AttributeProto) -> str:
    if attribute.type in _OPAQUE:
        return _digest(attribute.SerializeToString(deterministic=True))
    value = _plain(helper.get_attribute_value(attribute))
    return value if len(value) <= _LONGEST else f"{value[:_LONGEST]}... ({_digest(value.encode())})"


def _plain(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (str, int)):
        return str(value)
    try:
        return f"[{','.join(_plain(item) for item in value)}]"
    except TypeError:  # a type
        return str(value)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGEST]
