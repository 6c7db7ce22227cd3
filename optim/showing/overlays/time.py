"""Where the time goes, node by node."""

from collections.abc import Mapping

from optim.explaining.profile import heaviest
from optim.showing.overlay import Facts, Overlay, Ramp


def _values(facts: Facts) -> Mapping[str, float]:
    """Percent of the time of all nodes; a fused group's is on its heaviest node."""
    found: dict[str, float] = {}
    for node in facts.profile:
        name = heaviest(node.rows).name if node.rows else node.name
        found[name] = found.get(name, 0.0) + 100 * node.share
    return found


OVERLAY = Overlay(
    name="time",
    title="Time",
    about="Share of the time of all nodes, measured by the engine's own profiler. Nodes that run "
    "fused have their time together on the heaviest of them.",
    rank=10,
    values=_values,
    scale=Ramp(lambda value: f"{value:.3g} %"),
    needs="profile",
)
