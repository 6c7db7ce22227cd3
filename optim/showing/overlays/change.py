"""What became of each node in another model."""

from optim.showing.overlay import GREY, Classes, Overlay

OVERLAY = Overlay(
    name="change",
    title="Differences",
    about="Each node against the other graph, counted in both. Models are matched by tensors and "
    "weights, not by names; an engine's graph by what the engine says.",
    rank=5,
    values=lambda facts: dict(facts.match),
    scale=Classes(
        {
            "same": GREY,
            "changed": "#f0e442",
            "fused": "#56b4e9",
            "added": "#009e73",
            "removed": "#d55e00",
        }
    ),
    needs="match",
)
