"""Patterns of a graph that an engine ran node by node, where it has one operator for all of it."""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from optim.explaining.executed import Executed
from optim.why.evidence import Evidence
from optim.why.patterns import Pattern
from optim.why.saying import percent


@dataclass(frozen=True)
class SpelledOut:
    """The nodes that the patterns are known by, all that was executed of them, and how they run."""

    anchors: tuple[str, ...]
    works: tuple[Executed, ...]
    told: str


def spelled_out(
    seen: Evidence, patterns: Iterable[Pattern], executed_as: Container[str], operator: str
) -> SpelledOut | None:
    """Those whose anchor was executed as such; None where the engine fused them all.

    Args:
        executed_as: operators of anchors that were not fused.
        operator: what the engine would run instead.
    """
    alone = {work.name for work in seen.executed if work.executed_op in executed_as}
    found = [one for one in patterns if one.anchor in alone]
    if not found:
        return None
    inside = {name for one in found for name in one.nodes}
    works = tuple(work for work in seen.executed if work.name in inside)
    odd = next((one.unusual for one in found if one.unusual), "")
    within = next((one.within for one in found if one.within), "")
    hidden = f" What hides the pattern from the fusion may be {odd}." if odd else ""
    if within and not odd:
        hidden = f" Between its products lies {within}: fusions allow only for masks of few forms."
    told = f"node by node, {percent(seen.share(works))} of a run, instead of as {operator}.{hidden}"
    return SpelledOut(tuple(one.anchor for one in found), works, told)
