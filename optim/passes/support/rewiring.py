"""Nodes of a graph replaced, and what only the old ones read taken away."""

import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from optim.model.proto import with_inner

if TYPE_CHECKING:
    import onnx


def free_name(graph: "onnx.GraphProto", name: str) -> str:
    """The name, or one like it that nothing has yet."""
    taken = {tensor.name for tensor in graph.initializer} | {value.name for value in graph.input}
    taken |= {output for node in graph.node for output in node.output}
    return next(n for i in itertools.count() if (n := f"{name}_{i}" if i else name) not in taken)


def replace_nodes(graph: "onnx.GraphProto", nodes: Iterable["onnx.NodeProto"]) -> None:
    """These nodes instead of the graph's, in place, and no weight that only the old ones read."""
    before = _read(graph.node)
    copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    gone = before - _read(graph.node) - {value.name for value in graph.output}
    for tensor in [t for t in graph.initializer if t.name in gone]:
        graph.initializer.remove(tensor)


def with_made_outputs(graph: "onnx.GraphProto") -> None:
    """Give an output that is a stored tensor a node that makes it (Identity), in place.

    What changes types at the outputs knows those that a node makes.
    """
    from onnx import helper

    stored = {tensor.name: tensor for tensor in graph.initializer}
    given = {value.name for value in graph.input}
    for name in [value.name for value in graph.output if value.name in stored.keys() - given]:
        stored[name].name = new = free_name(graph, f"{name}_stored")
        for node in graph.node:
            node.input[:] = [new if read == name else read for read in node.input]
        graph.node.insert(0, helper.make_node("Identity", [new], [name]))


def bypass(graph: "onnx.GraphProto", instead: Mapping[str, str]) -> None:
    """Have every node read other values in place of these, in place, and drop what nobody reads.

    Subgraphs keep what they read.
    """

    def followed(name: str) -> str:
        while name in instead:
            name = instead[name]
        return name

    for node in graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = followed(name)
    wanted = {value.name for value in graph.output}
    live = []
    for node in reversed(graph.node):
        if wanted & {*node.output}:
            live.append(node)
            wanted |= _read([node])
    replace_nodes(graph, reversed(live))


def _read(nodes: Iterable["onnx.NodeProto"]) -> set[str]:
    return {name for node in nodes for inner in with_inner(node) for name in inner.input}
