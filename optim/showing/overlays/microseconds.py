"""How long each node takes: two graphs side by side share the scale, so that gains are seen."""

from collections.abc import Mapping

from optim.showing import text
from optim.showing.overlay import Facts, Overlay, Ramp, on_heaviest


def _values(facts: Facts) -> Mapping[str, float]:
    return on_heaviest(facts.profile, lambda node: node.microseconds)


OVERLAY = Overlay(
    name="microseconds",
    title="µs",
    about="Time per run, measured by the engine's own profiler, which slows small nodes down. "
    "Nodes that run fused have it together on the heaviest of them.",
    rank=15,
    values=_values,
    scale=Ramp(lambda value: text.milliseconds(value / 1e3)),
    needs="profile",
)
