"""Tensors of two graphs that mean the same, and graphs with some of their tensors as outputs.

For use in a child: it parses models.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optim.graph.tensors import UNKNOWN, Tensor, dtype_name, infer, load_lean, tensors_of
from optim.model.proto import read_proto, with_inner, write_proto
from optim.model.wiring import made_of
from optim.runtimes.support.fusion import node_name

if TYPE_CHECKING:
    import onnx

_MOST_BYTES = 128 << 20  # of tensors that are read out at once


@dataclass(frozen=True)
class Made:
    """A tensor of the original: the node that makes it, and the outputs that depend on it."""

    node: str
    op: str
    leads_to: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """What to compare.

    `tensors`: those of the original that depend on its inputs, in its order. `inside`: of them
    those with a counterpart that can be read out, the outputs too, by its name in the optimized
    graph; in `groups` that fit into memory. `outputs`: the model's outputs, which have one name.
    `fused_away`: nodes none of whose tensors has a counterpart. `untyped`: how many tensors are
    left out because their types are not known.
    """

    tensors: dict[str, Made]
    outputs: dict[str, str]
    inside: dict[str, str]
    groups: tuple[tuple[str, ...], ...]
    fused_away: tuple[str, ...]
    untyped: int = 0


def planned(original: Path, optimized: Path) -> Plan:
    """Match the tensors of two models."""
    before, _ = infer(load_lean(original))
    after = load_lean(optimized).graph
    tensors = _changing(before.graph)
    types = tensors_of(before.graph)
    outputs = {value.name: value.name for value in before.graph.output}
    there = _readable(after)
    matched = {name: there[name] for name in tensors if name in there}
    floats = {
        name: counterpart
        for name, counterpart in matched.items()
        if "float" in dtype_name(types.get(name, UNKNOWN).dtype)
    }
    kept = {tensors[name].node for name in (*matched, *outputs) if name in tensors}
    return Plan(
        tensors=tensors,
        outputs={name: name for name in outputs if name in tensors},
        inside=floats,
        groups=tuple(_groups(floats, types)),
        fused_away=tuple(dict.fromkeys(m.node for m in tensors.values() if m.node not in kept)),
        untyped=sum(not types.get(name, UNKNOWN).dtype for name in matched),
    )


def reading_out(path: Path, names: Iterable[str], folder: Path) -> Path:
    """The model at `path` with these tensors as further outputs, written into a folder."""
    model = read_proto(path)
    known = {value.name for value in model.graph.output}
    for name in dict.fromkeys(names):
        if name not in known:
            model.graph.output.add().name = name
    folder.mkdir(exist_ok=True)
    write_proto(model, folder / path.name)
    return folder / path.name


def _changing(graph: "onnx.GraphProto") -> dict[str, Made]:
    """The tensors that depend on the inputs, in the graph's order."""
    weights = [t.name for t in graph.initializer] + [
        t.values.name for t in graph.sparse_initializer
    ]
    weights += [name for n in graph.node if not any(n.input) for name in n.output]
    constant = made_of(weights, ((n.input, n.output) for n in graph.node))
    leads = _leads(graph)
    return {
        name: Made(node_name(node), node.op_type, tuple(sorted(leads.get(name, ()))))
        for node in graph.node
        for name in node.output
        if name and name not in constant
    }


def _leads(graph: "onnx.GraphProto") -> dict[str, set[str]]:
    """Tensor -> the outputs that depend on it, itself included."""
    found: dict[str, set[str]] = {value.name: {value.name} for value in graph.output}
    for node in reversed(graph.node):
        reached = set().union(*(found.get(name, set()) for name in node.output))
        for name in (name for inner in with_inner(node) for name in inner.input):
            found.setdefault(name, set()).update(reached)
    return found


def _readable(graph: "onnx.GraphProto") -> dict[str, str]:
    """Tensor -> the tensor that its readers get: itself, or what is behind its rounding."""
    made = {name for node in graph.node for name in node.output if name}
    given = {value.name for value in graph.output}
    rounded = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "QuantizeLinear"}
    found = {name: name for name in made}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and (of := rounded.get(node.input[0])):
            found[of] = of if of in given else node.output[0]
    return found


def _groups(names: Collection[str], types: dict[str, Tensor]) -> Iterable[tuple[str, ...]]:
    group: list[str] = []
    size = 0
    for name in names:
        more = types.get(name, UNKNOWN).bytes
        if group and size + more > _MOST_BYTES:
            yield tuple(group)
            group, size = [], 0
        group.append(name)
        size += more
    if group:
        yield tuple(group)
