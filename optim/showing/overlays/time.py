"""Where the time goes, node by node."""

from collections.abc import Mapping

from optim.showing.overlay import Facts, Overlay, Ramp, on_heaviest


def _values(facts: Facts) -> Mapping[str, float]:
    return on_heaviest(facts.profile, lambda node: 100 * node.share)


OVERLAY = Overlay(
    name="time",
    title="Time",
    about="Share of the time of all its nodes, measured by the engine's own profiler. Nodes that "
    "run fused have it together on the heaviest of them.",
    rank=10,
    values=_values,
    scale=Ramp(lambda value: f"{value:.3g} %"),
    needs="profile",
)
