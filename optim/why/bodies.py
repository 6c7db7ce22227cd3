"""What is computed inside of loops, made visible outside: each trip's values, one after the other.

Loop and Scan stack what their bodies give beside the states (Operators.md, "Loop", "Scan").
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

_STATES_ONLY = {"Loop": 1, "Scan": 0}
"""Outputs of a body that its node has not: the condition of a Loop."""


def open_bodies(proto: "onnx.ModelProto") -> dict[str, str]:
    """Give every value that is read inside of a body as an output of its node.

    Returns: new output -> first output of the node, by which it is known.
    """
    return {
        new: holder
        for node in proto.graph.node
        if node.op_type in _STATES_ONLY and node.output
        for new, holder in _opened(node)
    }


def _opened(node: "onnx.NodeProto") -> Iterator[tuple[str, str]]:
    from onnx import ValueInfoProto

    body = next(one.g for one in node.attribute if one.name == "body")
    if len(node.output) != len(body.output) - _STATES_ONLY[node.op_type]:
        return
    read = {name for one in body.node for name in one.input}
    given = {value.name for value in body.output}
    made = [name for one in body.node for name in one.output if name in read - given]
    for name in made:
        new = f"{node.output[0]} inside: {name}"
        body.output.append(ValueInfoProto(name=name))
        node.output.append(new)
        yield new, node.output[0]
