"""The graph of a sample, and how an engine runs it: node by node, each with its measured time."""

from typing import ClassVar

import plotly.graph_objects as go
from pydantic import Field

from optim.explaining.profile import ProfiledNode, join_profile, profile_of
from optim.graph import NodeRow, analysis_of
from optim.learning.drawing import Box, coloured, graph, laid
from optim.learning.picture import Panel, Picture
from optim.learning.sample import opened
from optim.recipe import Recipe
from optim.showing.chart import ACCENT


class Graph(Picture):
    """The first nodes as written, then the same run by ONNX Runtime."""

    title: ClassVar[str] = "A graph, and the run it becomes"

    sample: str
    most: int = Field(default=24, ge=4, le=80, description="Nodes drawn.")

    def draw(self) -> tuple[Panel, ...]:
        of, engine = opened(self.sample), Recipe.baseline().runtime
        analysis = analysis_of(of.model)
        ran = join_profile(analysis, profile_of(of.model, engine, of.evalset.digest))
        rows = [row for row in analysis.nodes if row.op != "Constant"]
        return (
            Panel(
                "As written",
                self._written(rows),
                f"The first {min(self.most, len(rows))} of {len(rows)} nodes of the sample "
                f"{self.sample}, in an order in which they can run. A box is an operator, a line "
                "a tensor that one makes and another reads; point at a box for its shapes.",
            ),
            Panel(
                "As it ran",
                self._ran(ran),
                f"ONNX Runtime made {len(ran)} nodes of it and ran one after the other, measured "
                "just now. A bar begins where the one before it ends.",
            ),
        )

    def _written(self, rows: list[NodeRow]) -> go.Figure:
        shown = rows[: self.most]
        boxes = [
            Box(r.name, r.op, r.reads, r.writes, f"{r.name}: {r.inputs} → {r.outputs}")
            for r in shown
        ]
        return graph(boxes, coloured([row.op for row in shown]))

    def _ran(self, ran: tuple[ProfiledNode, ...]) -> go.Figure:
        shown = ran[: self.most]
        starts = [sum(node.microseconds for node in shown[:at]) for at in range(len(shown))]
        figure = go.Figure(
            go.Bar(
                y=[f"{at + 1}. {node.op}" for at, node in enumerate(shown)],
                x=[node.microseconds for node in shown],
                base=starts,
                orientation="h",
                marker={"color": ACCENT},
                hovertext=[f"{n.name}: {n.microseconds:.3g} µs" for n in shown],
                hoverinfo="text",
            )
        )
        laid(figure, "µs since the run began", height=90 + 12 * len(shown))
        return figure.update_yaxes(
            autorange="reversed", showgrid=False, dtick=1, tickfont={"size": 10}
        )
