"""Which nodes of the given model an executed node stands for, after the engine's fusions."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# ONNX Runtime names a node that it moved to its blocked layout after the tensor it made before.
_MOVED = "_nchwc"
# What it appends to the name of the node that a fused or int8 one was made of.
_MADE_OF = re.compile(r"(/\w+Fusion/?)?(_token_\d+)?$")
# What it adds on its own account.
_MOVES = frozenset({"Transpose", "ReorderInput", "ReorderOutput", "Cast"})


def executed_for(original: Path, executed: Path) -> dict[str, tuple[str, ...]]:
    """Executed node name -> names of the nodes of the original model that it computes.

    A fused node produces the tensor that the last of its nodes produced. So each executed node
    claims the nodes met walking back from there to tensors that another executed node produces.
    Nodes without a name go by their first output. Where the engine spelled an operator out as
    nodes of other names, these are what the node that reads them claims before its own.
    """
    import onnx

    before = onnx.load(str(original), load_external_data=False).graph
    after = onnx.load(str(executed), load_external_data=False).graph
    producers = {output: node for node in before.node for output in node.output if output}
    moved = {
        node.name: [node.name.removesuffix(_MOVED)]
        for node in after.node
        if node.name.endswith(_MOVED)
    }
    known = producers.keys() - {tensor for tensors in moved.values() for tensor in tensors}
    made_of = {node_name(node): list(node.output) for node in before.node}
    produced = {
        node_name(node): moved.get(node.name)
        or [name for name in node.output if name in known]
        or made_of.get(_MADE_OF.sub("", node.name), [])
        for node in after.node
    }
    borders = {tensor for tensors in produced.values() for tensor in tensors}
    claims = {name: _behind(tensors, borders, producers) for name, tensors in produced.items()}
    return _with_inlined(claims, after.node)


def node_name(node: Any) -> str:
    """The node's name, or its first output's where it has none."""
    return node.name or next(iter(node.output), "")


def known_as(executed: Path, traced: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What an engine's trace calls nodes without a name -> what `executed_for` calls them.

    Such are what ONNX Runtime puts in the place of operators without a kernel (HardSwish, Mish).
    Its trace numbers them, so they are told apart by their operators and their order.

    Args:
        traced: names and operators in the trace, in order of execution.
    """
    import onnx

    nodes = onnx.load(str(executed), load_external_data=False).graph.node
    named = {node.name for node in nodes}
    waiting: dict[str, list[str]] = {}
    for node in nodes:
        if not node.name:
            waiting.setdefault(node.op_type, []).append(node_name(node))
    found: dict[str, str] = {}
    for name, op in traced:
        if name not in named and name not in found and waiting.get(op):
            found[name] = waiting[op].pop(0)
    return found


def _behind(tensors: list[str], borders: set[str], producers: dict[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    waiting = list(tensors)
    while waiting:
        node = producers.get(waiting.pop())
        if node is None or node_name(node) in found:
            continue
        found[node_name(node)] = None
        waiting += [name for name in node.input if name not in borders]
    return tuple(reversed(found))


def _with_inlined(
    claims: dict[str, tuple[str, ...]], nodes: Iterable[Any]
) -> dict[str, tuple[str, ...]]:
    """Claims, where nodes that stand for nothing by name stand for what they were put in place of.

    Such are HardSigmoid and Mul in the place of HardSwish. A reader that is itself one of the
    model's nodes, and claims others before it, does not compute those: they do. One without a name
    is the last of them. Moves and changes of type that lie between are the engine's own.
    """
    found, inlined = dict(claims), dict[str, list[str]]()
    for node in nodes:
        name = node_name(node)
        inside = [made for one in node.input for made in inlined.get(one, ())]
        if not claims[name]:
            own = [] if node.op_type in _MOVES else [name]
            inlined |= dict.fromkeys(node.output, inside + own)
        elif inside and name in claims[name]:
            at = claims[name].index(name)
            found |= dict.fromkeys(inside, claims[name][:at]) | {name: claims[name][at:]}
        elif not node.name:
            found |= dict.fromkeys(inside, claims[name])
    return found
