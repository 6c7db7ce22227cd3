"""Names that quantizers make up themselves, freed before they are at work.

They append to the names of tensors and nodes, and look up what they made by its name: a tensor of
the model that is called like it is taken for theirs.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from optim.model.proto import all_graphs, real_inputs

if TYPE_CHECKING:
    import onnx

_APPENDED = re.compile(
    r"(?:_|(?<=_output))quant|quant_scaled|_(?:scale|zero_point|QuantizeLinear|DequantizeLinear"
    r"|ReduceM|Abs|Transposed|MatMul|Add|Cast|(?:input|output)_cast|Q\d|DQ_Q\d|convert|bias_|output_scale_mul|folded)"
)
"""Onnxruntime's `quant_utils`, `qdq_quantizer`, `onnx_quantizer` and their operators have these."""
_MADE = re.compile(r"graph_(?:input|output)_cast_?\d+")
"""What onnxruntime's float16 converter calls its casts at inputs and outputs."""
_NUMBER = re.compile(r"\d+$")


def free_names(model: "onnx.ModelProto", keep: Iterable[str] = ()) -> int:
    """Rename, in place, inner tensors and nodes called as a quantizer would call what it makes.

    Args:
        keep: names that a person uses for nodes; inputs and outputs keep theirs in any case.

    Returns: how many were renamed.
    """
    graph = model.graph
    fixed = {value.name for value in (*real_inputs(graph), *graph.output)} | set(keep)
    tensors = _tensors(graph)
    names = tensors | {node.name for node in graph.node if node.name}
    clashing = _clashing(names, _shared(model))
    renamed = {
        (stem if name in fixed else name) for name, stem in clashing.items() if {name, stem} - fixed
    } - fixed
    new = _new_names(sorted(renamed), names)
    _rename(model, new)
    return len(new)


def _tensors(graph: "onnx.GraphProto") -> set[str]:
    made = {name for node in graph.node for name in node.output if name}
    return made | {t.name for t in graph.initializer} | {value.name for value in graph.input}


def _shared(model: "onnx.ModelProto") -> set[str]:
    """Weights that several nodes read: quantizers copy them under their name and a number."""
    weights = {tensor.name for tensor in model.graph.initializer}
    reads = Counter(name for node in model.graph.node for name in node.input)
    return {name for name, times in reads.items() if times > 1 and name in weights}


def _clashing(names: set[str], numbered: set[str]) -> dict[str, str]:
    """Name -> the shorter name that it looks made of."""
    found = {}
    for name in names:
        if _MADE.fullmatch(name):
            found[name] = name
        for match in _APPENDED.finditer(name):
            if name[: match.start()] in names:
                found[name] = name[: match.start()]
        number = _NUMBER.search(name)
        for end in range(number.start(), len(name)) if number else ():
            if name[:end] in numbered:
                found[name] = name[:end]
    return found


def _new_names(names: Iterable[str], taken: set[str]) -> dict[str, str]:
    new: dict[str, str] = {}
    for name in names:
        candidate, count = f"own_{name}", 1
        while candidate in taken:
            candidate, count = f"own{count}_{name}", count + 1
        new[name] = candidate
    return new


def _rename(model: "onnx.ModelProto", new: dict[str, str]) -> None:
    if not new:
        return
    for graph in all_graphs(model):
        for tensor in getattr(graph, "initializer", ()):
            tensor.name = new.get(tensor.name, tensor.name)
        for value in getattr(graph, "value_info", ()):
            value.name = new.get(value.name, value.name)
        if graph is not model.graph:
            _rename_ends(graph, new)
        for node in graph.node:
            node.name = new.get(node.name, node.name)
            node.input[:] = [new.get(name, name) for name in node.input]
            node.output[:] = [new.get(name, name) for name in node.output]


def _rename_ends(graph: "onnx.GraphProto | onnx.FunctionProto", new: dict[str, str]) -> None:
    """A branch may give an outer tensor back under its own name."""
    for value in (*graph.input, *graph.output):
        if not isinstance(value, str):
            value.name = new.get(value.name, value.name)
