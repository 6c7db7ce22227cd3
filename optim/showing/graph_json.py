"""A graph as Model Explorer draws it: nodes in the modules that their names tell, with their row.

The form is that of its `graph_builder.py`; see https://github.com/google-ai-edge/model-explorer
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optim.graph.values import NodeRow
from optim.names import legible
from optim.showing import text

_DOTTED = re.compile(r"\.(?=\D)")  # layer.0 stays one level
_HIDDEN = ("Constant",)
_GROUP = "___group___"
_VISIBLE = 20
_TOGETHER = 50
_INPUTS, _OUTPUTS = "Inputs", "Outputs"

Attributes = Mapping[str, Sequence[tuple[str, str]]]
"""By node: what else is said of it, beyond its row."""


@dataclass(frozen=True)
class Drawn:
    """A graph that is to be drawn. `inputs` and `outputs` are such as "x: float32[1,3]"."""

    id: str
    nodes: Sequence[NodeRow]
    inputs: Sequence[str] = ()
    outputs: Sequence[str] = ()
    more: Attributes = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    """Ids of nodes that have another one than their name."""
    homes: Mapping[str, str] = field(default_factory=dict)
    """Modules of nodes that do not say it themselves, as paths."""

    @property
    def rows(self) -> list[NodeRow]:
        """The nodes that are drawn."""
        return [row for row in self.nodes if row.op not in _HIDDEN]


def collections(label: str, graphs: Sequence[Drawn]) -> dict[str, Any]:
    """What the viewer loads: all graphs in one collection, so that overlays can be of several."""
    drawn = [graph_json(graph) for graph in graphs]
    return {"graphCollections": [{"label": label, "graphs": drawn}]}


def graph_json(graph: Drawn) -> dict[str, Any]:
    """One graph; constants are left out, as Netron draws them. Of nodes of one name the last."""
    rows = graph.rows
    made = {
        tensor: (graph.ids.get(row.name, row.name), place)
        for row in rows
        for place, tensor in enumerate(row.writes)
    }
    ports = [port.split(": ")[0] for port in graph.inputs]
    made |= {name: (_port_id(_INPUTS, name), 0) for name in ports}
    nodes = [_port(_INPUTS, port) for port in graph.inputs]
    nodes += [_node(row, made, graph, home) for row, home in zip(rows, homes(graph), strict=True)]
    nodes += [_port(_OUTPUTS, port, made) for port in graph.outputs]
    return {"id": graph.id, "nodes": list({node["id"]: node for node in nodes}.values())}


def opened(graph: Drawn, most: int = _VISIBLE) -> list[str]:
    """Ids of the modules to open at first, those inside others only where these are open.

    The smallest first, as long as no more than `most` nodes and closed modules are seen.
    """
    inside: dict[str, set[str]] = {}
    for row, home in zip(graph.rows, homes(graph), strict=True):
        levels = home.split("/")
        paths = ["/".join(levels[:end]) for end in range(1, len(levels) + 1) if home]
        for outer, inner in zip(("", *paths), (*paths, f"{row.name}: node"), strict=True):
            inside.setdefault(outer, set()).add(inner)
    seen, found = len(inside.get("", ())), []
    waiting = [path for path in inside.get("", ()) if path in inside]
    while waiting:
        smallest = min(waiting, key=lambda path: (len(inside[path]), path))
        seen += len(inside[smallest]) - 1
        if seen > most:
            break
        waiting.remove(smallest)
        waiting += [path for path in inside[smallest] if path in inside]
        found.append(smallest)
    return [f"{path}{_GROUP}" for path in found]


def homes(graph: Drawn) -> list[str]:
    """The module of each drawn node as a path, the nodes in their order.

    Where too many modules or nodes are in one module directly, they are parted in their order:
    laying out and drawing take more than in proportion, and nobody reads a thousand side by side.
    """
    found = _parted([scope_of(row) or graph.homes.get(row.name, "") for row in graph.rows])
    members: dict[str, list[int]] = {}
    for place, scope in enumerate(found):
        members.setdefault(scope, []).append(place)
    for scope, places in members.items():
        for at, place in enumerate(places):
            spans = _spans(at, len(places))
            parts = [f"nodes {first + 1} to {last + 1}" for first, last in spans]
            found[place] = "/".join(filter(None, (scope, *parts)))
    return found


def _parted(scopes: Sequence[str]) -> list[str]:
    """The paths with levels between a module and those inside it where these are too many."""
    inside: dict[str, dict[str, int]] = {}
    for scope in filter(None, dict.fromkeys(scopes)):
        levels = scope.split("/")
        for depth, level in enumerate(levels):
            beside = inside.setdefault("/".join(levels[:depth]), {})
            beside.setdefault(level, len(beside))
    names = {outer: list(beside) for outer, beside in inside.items()}

    def longer(scope: str) -> str:
        levels, found = scope.split("/"), []
        for depth, level in enumerate(levels):
            outer = "/".join(levels[:depth])
            spans = _spans(inside[outer][level], len(names[outer]))
            found += [f"{names[outer][first]} to {names[outer][last]}" for first, last in spans]
            found.append(level)
        return "/".join(found)

    paths = {scope: longer(scope) if scope else "" for scope in dict.fromkeys(scopes)}
    return [paths[scope] for scope in scopes]


def _spans(at: int, count: int) -> list[tuple[int, int]]:
    """Levels that part `count` things into at most `_TOGETHER` on each: first and last of those
    that one is among, the outermost first."""
    found: list[tuple[int, int]] = []
    size = _TOGETHER
    while size < count:
        first = at // size * size
        found.insert(0, (first, min(first + size, count) - 1))
        size *= _TOGETHER
    return found


def scope_of(row: NodeRow) -> str:
    """The module that a node belongs to, as a path.

    Where the exporter recorded it, that; else the levels of the node's name but the last. PyTorch
    writes `/encoder/layer.0/attention/MatMul`; others separate by dots only.
    """
    if row.scope:
        outer = ("", *row.scope)
        levels = [
            one.removeprefix(f"{before}.") for before, one in zip(outer, row.scope, strict=False)
        ]
        return "/".join(legible(level) for level in levels)
    levels = [level for level in row.name.split("/") if level]
    if len(levels) == 1 and "." in levels[0]:
        levels = _DOTTED.split(levels[0])
    return "/".join(legible(level) for level in levels[:-1])


def _node(
    row: NodeRow, made: Mapping[str, tuple[str, int]], graph: Drawn, home: str
) -> dict[str, Any]:
    facts = [*_facts(row), *graph.more.get(row.name, ())]
    edges = [
        {
            "sourceNodeId": made[tensor][0],
            "sourceNodeOutputId": str(made[tensor][1]),
            "targetNodeInputId": str(place),
        }
        for place, tensor in enumerate(row.reads)
        if tensor in made
    ]
    return {
        "id": graph.ids.get(row.name, row.name),
        "label": row.op,
        "namespace": home,
        "attrs": [{"key": key, "value": value} for key, value in facts],
        "incomingEdges": edges,
        "inputsMetadata": _metadata(row.inputs, row.reads),
        "outputsMetadata": _metadata(row.outputs, row.writes),
    }


def _facts(row: NodeRow) -> list[tuple[str, str]]:
    """The row, in words; what does not apply is left out."""
    facts = [
        ("node", legible(row.name)),
        ("computes in", row.precision),
        ("FLOPs", text.count(row.flops).strip() if row.flops else ""),
        ("bytes moved", text.size(row.bytes) if row.bytes else ""),
        ("FLOP per byte", f"{row.intensity:.3g}" if row.flops and row.bytes else ""),
        ("parameters", f"{row.params:,}" if row.params else ""),
        ("attributes", legible(row.attributes)),
        ("not known", row.unknown),
    ]
    return [(name, value) for name, value in facts if value]


def _metadata(types: str, tensors: Sequence[str]) -> list[dict[str, Any]]:
    kinds = types.split(", ") if types else []
    return [
        {
            "id": str(place),
            "attrs": [
                {"key": "__tensor_tag", "value": legible(tensor)},
                {"key": "tensor_shape", "value": kinds[place] if place < len(kinds) else "?"},
            ],
        }
        for place, tensor in enumerate(tensors)
    ]


def _port(
    kind: str, port: str, made: Mapping[str, tuple[str, int]] | None = None
) -> dict[str, Any]:
    """An input or output of the whole graph."""
    name, _, shape = port.partition(": ")
    node: dict[str, Any] = {
        "id": _port_id(kind, name),
        "label": legible(name),
        "namespace": kind,
        "attrs": [{"key": "shape", "value": shape}],
    }
    if made is None:
        node["outputsMetadata"] = _metadata(shape, [name])
    elif name in made:
        source, place = made[name]
        node["incomingEdges"] = [{"sourceNodeId": source, "sourceNodeOutputId": str(place)}]
    return node


def _port_id(kind: str, name: str) -> str:
    return f"{kind}: {name}"
