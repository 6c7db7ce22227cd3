"""Arithmetic of each node."""

from optim.showing import text
from optim.showing.overlay import Overlay, Ramp

OVERLAY = Overlay(
    name="flops",
    title="FLOPs",
    about="Arithmetic per run, counted from the graph; a multiply-accumulate counts two.",
    rank=40,
    values=lambda facts: {row.name: float(row.flops) for row in facts.nodes if row.flops},
    scale=Ramp(lambda value: f"{text.count(value)}FLOP"),
)
