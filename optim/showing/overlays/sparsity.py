"""Zeros among the weights of each node."""

from collections.abc import Mapping

from optim.showing.overlay import COLD, Facts, Overlay, Ramp


def _values(facts: Facts) -> Mapping[str, float]:
    """Percent of zeros among the elements of all weights that a node reads."""
    found: dict[str, float] = {}
    for row in facts.nodes:
        read = [facts.weights[tensor] for tensor in set(row.reads) if tensor in facts.weights]
        elements = sum(weight.elements for weight in read)
        if row.params and elements:
            found[row.name] = 100 * sum(weight.zeros for weight in read) / elements
    return found


OVERLAY = Overlay(
    name="sparsity",
    title="Zeros",
    about="Share of zeros (sparsity) among the weights that each node reads, counted.",
    rank=70,
    values=_values,
    scale=Ramp(lambda value: f"{value:.0f} %", colors=COLD, power=1.0, most=100.0, adds_up=False),
    needs="weights",
)
