"""A recipe whose answers are clearly worse, or far from the original's, and where that begins."""

from collections.abc import Iterator

from optim.names import legible
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.jump import lost


def find(seen: Evidence) -> Iterator[Finding]:
    """The verdict, and the first tensor whose error jumps.

    Nothing of a model that draws at random: its own answers lie as far apart.
    """
    quality, jump = seen.trial.quality, seen.jump
    if quality is None or seen.original.random or not lost(quality):
        return
    where = (
        f" The error jumps at {legible(jump.node)} ({jump.op}), to {jump.sqnr_db:.0f} dB of signal "
        "to noise."
        if jump
        else " No single node stands out: the error grows from node to node."
    )
    yield Finding(
        concerns="quality",
        nodes=(jump.node,) if jump else (),
        text=f"{quality.verdict} The outputs' cosine to the original's is "
        f"{quality.fidelity.cosine:.3g}.{where}",
        advice="Leave that node in float, then look again; 'Find the best' goes on by itself."
        if jump and jump.recipe
        else "See the layers and the worst samples; try other ranges (calibration), or 'Find the "
        "best', which leaves out what does the damage.",
        recipe=jump.recipe if jump else "",
    )
