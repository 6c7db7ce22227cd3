"""What a finding is: what costs a recipe time or quality, or limits what its numbers say."""

from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from optim.findings import Interval

Concern = Literal["time", "quality", "trust"]
"""What a finding is about: the run's time, the answers, or what the figures are worth."""


class Finding(BaseModel):
    """One thing that did not go as hoped, what it costs, and what would mend it.

    `nodes` are named as the graph that was run names them, the dearest first. `cost_ms` is how much
    longer one run takes for it; None where it costs no time, or nothing tells how much; below 0
    where what was tried to mend it is slower still. `measured`:
    the cost is that of the recipe against `recipe`, timed in the same processes, with its 95 %
    interval in `cost_ci`; otherwise it is an estimate from the profile. `recipe` would mend it;
    empty where no recipe here does.
    """

    model_config = ConfigDict(frozen=True)

    code: str = ""
    text: str
    concerns: Concern = "time"
    note: bool = False
    """Whether it is true, but nothing to mend here: it concerns other machines, or costs next to
    nothing."""
    nodes: tuple[str, ...] = ()
    symptom: bool = False
    """Whether it says where time goes more than why: left out where another has the cause."""
    cost_ms: float | None = None
    cost_ci: tuple[float, float] | None = None
    measured: bool = False
    advice: str = ""
    recipe: str = ""

    def with_cost(self, cost: Interval) -> "Finding":
        """The same with a measured cost in ms."""
        found = {"cost_ms": cost.value, "cost_ci": (cost.low, cost.high), "measured": True}
        return self.model_copy(update=found)


def dearest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By cost; what costs no time comes after that, as it was, and notes last."""
    return tuple(sorted(findings, key=lambda one: (one.note, -(one.cost_ms or 0.0))))
