"""What compilers make of one model: how many operators are left on each engine and level."""

from collections import Counter
from typing import ClassVar

import plotly.graph_objects as go
from pydantic import Field

from optim.explaining.engine_graph import engine_graph_of
from optim.graph import analysis_of
from optim.learning.drawing import COLOURS, laid
from optim.learning.picture import Panel, Picture
from optim.learning.sample import opened
from optim.runtimes.base import runtime_of

_NAMED = 5


class EngineGraphs(Picture):
    """The model's nodes, and those that each engine runs in their place, by operator."""

    title: ClassVar[str] = "One model, the graphs that engines run"

    sample: str
    runtimes: tuple[str, ...] = Field(
        default=("onnxruntime:graph=off", "onnxruntime:graph=basic", "onnxruntime", "openvino"),
        min_length=1,
        max_length=6,
    )

    def draw(self) -> tuple[Panel, ...]:
        model = opened(self.sample).model
        analysis = analysis_of(model)
        counts = {"the file": Counter(row.op for row in analysis.nodes)}
        for text in self.runtimes:
            found = engine_graph_of(model, runtime_of(text), analysis)
            counts[text] = Counter(row.op for row in found.nodes)
        totals = {name: sum(found.values()) for name, found in counts.items()}
        fewest = min(totals, key=lambda name: totals[name])
        return (
            Panel(
                "Operators left",
                _stacked(counts),
                f"Asked of the engines just now. The file has {totals['the file']} nodes; "
                f"{fewest} runs {totals[fewest]}. Fewer nodes mean fewer tensors written and read "
                "in between, and less starting of operators.",
            ),
        )


def _stacked(counts: dict[str, "Counter[str]"]) -> go.Figure:
    every = sum(counts.values(), Counter())
    named = [op for op, _ in every.most_common(_NAMED)]
    figure = go.Figure()
    for op, colour in zip([*named, "others"], COLOURS, strict=True):
        x = [
            found[op] if op != "others" else sum(n for o, n in found.items() if o not in named)
            for found in counts.values()
        ]
        figure.add_bar(y=list(counts), x=x, name=op, orientation="h", marker={"color": colour})
    laid(figure, "nodes", height=130 + 36 * len(counts)).update_layout(barmode="stack")
    return figure.update_yaxes(autorange="reversed", showgrid=False)
