"""Residual blocks of a graph: sums of a value and of what is made of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from optim.passes.support.channels import shapes_of

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True)
class Block:
    """A residual block: `node` adds what is made of `skip` to it, which gives `out`."""

    node: str
    skip: str
    out: str


def residual_blocks(model: "onnx.ModelProto") -> list[Block]:
    """Every sum of two values of one shape, the one of which is made of the other.

    Left out are sums that are an output of the model, whose name must stay.
    """
    shapes = shapes_of(model)
    makers = {name: node for node in model.graph.node for name in node.output}
    outputs = {value.name for value in model.graph.output}
    found = []
    for node in model.graph.node:
        if node.op_type != "Add" or node.output[0] in outputs or node.domain:
            continue
        one, other = node.input
        for skip, made in ((one, other), (other, one)):
            alike = shapes.get(skip, 0) == shapes.get(node.output[0], 1)
            if alike and made in makers and skip != made and _comes_from(made, skip, makers):
                found.append(Block(node.name, skip, node.output[0]))
                break
    return found


def _comes_from(name: str, source: str, makers: "dict[str, onnx.NodeProto]") -> bool:
    waiting, seen = [name], {name}
    while waiting:
        node = makers.get(waiting.pop())
        for read in node.input if node else ():
            if read == source:
                return True
            if read not in seen:
                seen.add(read)
                waiting.append(read)
    return False
