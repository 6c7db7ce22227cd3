"""What limits each node: arithmetic, memory, or being started."""

from collections.abc import Mapping

from optim.showing.bounds import BOUNDS
from optim.showing.overlay import Classes, Facts, Overlay


def _values(facts: Facts) -> Mapping[str, str]:
    return dict(facts.bounds)


OVERLAY = Overlay(
    name="bound",
    title="Bound by",
    about="What takes most of each node's time by the estimate for the chosen hardware (a "
    "roofline), not measured: arithmetic, moving bytes, or starting the operator.",
    rank=60,
    values=_values,
    scale=Classes({bound: look.colour for bound, look in BOUNDS.items()}),
    needs="bounds",
)
