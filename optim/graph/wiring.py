"""Who makes and who reads each value of a graph."""

from collections.abc import Iterator
from functools import cached_property

from optim.graph.values import Analysis, NodeRow
from optim.model.wiring import made_of


class Wiring:
    """The values of one graph, by name: makers, readers, what is constant, what is an output."""

    def __init__(self, graph: Analysis) -> None:
        self._graph = graph
        self._makers = {name: row for row in graph.nodes for name in row.writes}
        self._readers: dict[str, list[NodeRow]] = {}
        for row in graph.nodes:
            for name in row.reads:
                self._readers.setdefault(name, []).append(row)

    @cached_property
    def constant(self) -> frozenset[str]:
        """Values that do not depend on the inputs: weights, and what is made of them alone."""
        nodes = ((row.reads, row.writes) for row in self._graph.nodes)
        return frozenset(made_of(self._graph.weights, nodes))

    @cached_property
    def outputs(self) -> frozenset[str]:
        """Values that the graph gives."""
        return frozenset(text.rpartition(": ")[0] for text in self._graph.outputs)

    def maker(self, value: str) -> NodeRow | None:
        """The node that makes it; None for inputs and weights."""
        return self._makers.get(value)

    def readers(self, value: str) -> list[NodeRow]:
        """The nodes that read it, in the graph's order."""
        return self._readers.get(value, [])

    def before(self, row: NodeRow) -> Iterator[NodeRow]:
        """The nodes that make what this one reads."""
        return (made for name in row.reads if (made := self._makers.get(name)))

    def after(self, row: NodeRow) -> Iterator[NodeRow]:
        """The nodes that read what this one makes."""
        return (reader for name in row.writes for reader in self.readers(name))
