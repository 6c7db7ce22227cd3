"""Names of values inside of loops and branches, each known once in the whole file.

ONNX lets two branches call values alike. Libraries keep one table of names for all scopes, and then
take the one for the other.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx


def make_values_unique(proto: "onnx.ModelProto") -> int:
    """Rename, in place, inner values that are called like a value of another scope; how many."""
    return _Scopes(_own(proto.graph)).renamed_in(proto.graph, {})


class _Scopes:
    """Goes from scope to scope; `taken` are the names of those that were seen."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken

    def renamed_in(self, graph: "onnx.GraphProto", names: dict[str, str]) -> int:
        """Rename in the inner graphs of this one, where outer values have these new names."""
        count = 0
        for node in graph.node:
            for attribute in node.attribute:
                inner = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]
                count += sum(self._renamed(one, names) for one in inner)
        return count

    def _renamed(self, graph: "onnx.GraphProto", outer: dict[str, str]) -> int:
        own = _own(graph)
        new = {name: self._free(name) for name in sorted(own & self._taken)}
        self._taken |= own
        names = {name: to for name, to in outer.items() if name not in own} | new
        if names:
            _rename(graph, names)
        return len(new) + self.renamed_in(graph, names)

    def _free(self, name: str) -> str:
        count = 1
        while (candidate := f"{name}_{count}") in self._taken:
            count += 1
        self._taken.add(candidate)
        return candidate


def _own(graph: "onnx.GraphProto") -> set[str]:
    """The names of values that a graph makes, holds or is given."""
    made = {name for node in graph.node for name in node.output}
    held = {one.name for one in (*graph.initializer, *graph.input)}
    sparse = {one.values.name for one in graph.sparse_initializer}
    return (made | held | sparse) - {""}


def _rename(graph: "onnx.GraphProto", names: dict[str, str]) -> None:
    for one in (*graph.initializer, *graph.input, *graph.output, *graph.value_info):
        one.name = names.get(one.name, one.name)
    for sparse in graph.sparse_initializer:
        sparse.values.name = names.get(sparse.values.name, sparse.values.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
