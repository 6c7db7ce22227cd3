"""The precision in which each node really ran."""

from collections.abc import Mapping

from optim.explaining.executed import work_of
from optim.showing.overlay import GREY, Classes, Facts, Overlay

_CONVERTS = "converts type or layout"


def _values(facts: Facts) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for node in facts.profile:
        work = work_of(node)
        precision = _CONVERTS if work.converts else work.precision
        if precision:
            names = [row.name for row in node.rows if row.flops or work.converts] or [node.name]
            found |= dict.fromkeys(names, precision)
    return found


OVERLAY = Overlay(
    name="precision",
    title="Precision",
    about="What each node computed in when the engine ran it, as its profiler says.",
    rank=20,
    values=_values,
    scale=Classes(
        {
            "fp64": "#cc79a7",
            "fp32": GREY,
            "bf16": "#009e73",
            "fp16": "#f0e442",
            "int8": "#56b4e9",
            _CONVERTS: "#d55e00",
        }
    ),
    needs="profile",
)
