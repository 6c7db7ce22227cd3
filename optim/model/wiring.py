"""How values depend on each other in a graph, whatever form its nodes are held in."""

from collections.abc import Iterable


def made_of(given: Iterable[str], nodes: Iterable[tuple[Iterable[str], Iterable[str]]]) -> set[str]:
    """The values given and all that is made of them alone.

    Args:
        given: names such as those of a graph's weights.
        nodes: the names that each node reads and writes, in topological order.
    """
    found = set(given)
    for reads, writes in nodes:
        names = [name for name in reads if name]
        if names and found.issuperset(names):
            found.update(writes)
    return found
