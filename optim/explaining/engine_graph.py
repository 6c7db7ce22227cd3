"""The graph that an engine runs in place of the model's, as rows like those of the model's."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from optim import sandbox
from optim.graph.align import kind_of
from optim.graph.match import Change, GraphMatch, NodeMatch
from optim.graph.values import Analysis, NodeRow
from optim.model import Model
from optim.runtimes.base import EngineNode, Runtime, runtime_of

STEP = "engine graph"


class EngineGraph(BaseModel):
    """What the engine runs. Work of a row is that of the model's nodes that it stands for."""

    model_config = ConfigDict(frozen=True)

    nodes: tuple[NodeRow, ...]
    made_of: dict[str, tuple[str, ...]]
    """Executed node -> names of the model's nodes that it stands for."""

    def match(self, analysis: Analysis) -> GraphMatch:
        """The model's nodes (before) against those that the engine runs (after)."""
        ops = {row.name: row.op for row in analysis.nodes}
        found = [self._matched(row, ops) for row in self.nodes]
        claimed = {name for match in found for name in match.before}
        found += [
            NodeMatch(before=(row.name,), after=(), change="removed")
            for row in analysis.nodes
            if row.name not in claimed and row.op != "Constant"
        ]
        return GraphMatch(matches=tuple(found))

    def _matched(self, row: NodeRow, ops: dict[str, str]) -> NodeMatch:
        before = self.made_of[row.name]
        change: Change = "fused" if len(before) > 1 else "added" if not before else "same"
        if change == "same" and kind_of(ops[before[0]]) != kind_of(row.op):
            change = "changed"
        why = f"made of {' + '.join(ops[name] for name in before)}" if before else ""
        return NodeMatch(before=before, after=(row.name,), change=change, why=why)


def engine_graph_of(
    model: Model,
    runtime: Runtime,
    analysis: Analysis,
    cancelled: Callable[[], bool] = lambda: False,
) -> EngineGraph:
    """The engine's graph of a model, asked for in a sandboxed child.

    Empty where the engine does not tell.

    Raises StepError where it cannot open the model; Cancelled.
    """
    found = runtime.call(
        graph_json,
        {"path": str(model.path), "runtime": runtime.spelling},
        where=STEP,
        files=sandbox.Files(readable=(model.folder,)),
        cancelled=cancelled,
    )
    return as_rows([EngineNode(**node) for node in found], analysis)


def graph_json(path: str, runtime: str) -> list[dict[str, Any]]:
    """The child's side of `engine_graph_of`."""
    return [asdict(node) for node in runtime_of(runtime).engine_graph(Path(path))]


def as_rows(nodes: Iterable[EngineNode], analysis: Analysis) -> EngineGraph:
    """An engine's nodes with the work of what they stand for, each of the model's counted once."""
    left = {row.name: row for row in analysis.nodes}
    rows, made_of = [], {}
    for node in nodes:
        inside = [left.pop(name) for name in node.nodes if name in left]
        made_of[node.name] = tuple(row.name for row in inside)
        rows.append(
            NodeRow(
                name=node.name,
                op=node.op,
                flops=sum(row.flops for row in inside),
                bytes=sum(row.bytes for row in inside),
                params=sum(row.params for row in inside),
                reads=tuple(node.reads),
                writes=tuple(node.writes),
            )
        )
    return EngineGraph(nodes=tuple(rows), made_of=made_of)
