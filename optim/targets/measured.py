"""Measured latencies that estimates are held against: how far off they are is shown, not hidden."""

import gzip
from functools import cache

import yaml
from pydantic import BaseModel, ConfigDict

from optim.graph.values import Analysis
from optim.recipe import Recipe
from optim.targets import EVIDENCE, find_target
from optim.targets.estimate import Estimate, estimate


class Row(BaseModel):
    """One measured latency: of which graph, asked for by which recipe, on which engine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    graph: str
    recipe: str
    p50_ms: float
    engine: str = ""


class Compared(Row):
    """A measured latency and its estimate."""

    use: str
    estimate: Estimate


class Evidence(BaseModel):
    """What was measured on one target, when, on which device, how.

    `use` lists the graphs by what they served: `fit` the assumptions, `interval` its width,
    `check` neither, so that these alone show how good the estimates are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str
    date: str
    device: str
    how: str
    versions: dict[str, str]
    use: dict[str, tuple[str, ...]]
    rows: tuple[Row, ...]

    def graph(self, name: str) -> Analysis:
        """The analysis of a measured network."""
        return _graph(name)

    def compared(self, use: str) -> tuple[Compared, ...]:
        """The rows of one use, each with its estimate."""
        target = find_target(self.target)
        return tuple(
            Compared(
                **row.model_dump(),
                use=use,
                estimate=estimate(_graph(row.graph), target, Recipe.parse(row.recipe)),
            )
            for row in self.rows
            if row.graph in self.use[use]
        )


@cache
def all_evidence() -> dict[str, Evidence]:
    """All evidence by target; most targets have none, and their intervals say so."""
    found = [
        Evidence.model_validate(yaml.safe_load(file.read_text()))
        for file in sorted(EVIDENCE.glob("*.yaml"))
    ]
    return {evidence.target: evidence for evidence in found}


@cache
def _graph(name: str) -> Analysis:
    file = EVIDENCE / "graphs" / f"{name}.json.gz"
    return Analysis.model_validate_json(gzip.decompress(file.read_bytes()))
