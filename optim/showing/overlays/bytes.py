"""Bytes that each node moves."""

from optim.showing import text
from optim.showing.overlay import Overlay, Ramp

OVERLAY = Overlay(
    name="bytes",
    title="Bytes",
    about="Bytes of the tensors read and written per run, weights included, counted from the "
    "graph: an engine that fuses moves fewer.",
    rank=50,
    values=lambda facts: {row.name: float(row.bytes) for row in facts.nodes if row.bytes},
    scale=Ramp(text.size),
)
