"""What limits each node: arithmetic, memory, or being started."""

from collections.abc import Mapping

from optim.showing.overlay import GREY, Classes, Facts, Overlay


def _values(facts: Facts) -> Mapping[str, str]:
    return dict(facts.bounds)


OVERLAY = Overlay(
    name="bound",
    title="Bound by",
    about="What takes most of each node's time by the estimate for the chosen hardware (a "
    "roofline), not measured: arithmetic, moving bytes, or starting the operator.",
    rank=60,
    values=_values,
    scale=Classes({"compute": "#d55e00", "memory": "#56b4e9", "dispatch": GREY}),
    needs="bounds",
)
