"""What batching changes: the arithmetic done with each byte that is moved, counted on the graph."""

from typing import ClassVar

import plotly.graph_objects as go
from pydantic import Field

from optim.graph import Analysis, analysis_of
from optim.learning.drawing import WARM, laid
from optim.learning.picture import Panel, Picture
from optim.learning.sample import opened
from optim.showing.chart import ACCENT


class Intensity(Picture):
    """FLOPs per byte of the whole model at several batch sizes."""

    title: ClassVar[str] = "Arithmetic intensity and the batch"

    sample: str
    sizes: tuple[int, ...] = Field(default=(1, 2, 4, 8, 16, 32), min_length=2, max_length=8)

    def draw(self) -> tuple[Panel, ...]:
        found = {size: analysis_of(opened(self.sample, size).model) for size in self.sizes}
        rates = [one.flops / one.bytes for one in found.values()]
        shares = [100 * _weights(one) / one.bytes for one in found.values()]
        figure = go.Figure()
        x = [str(size) for size in found]
        line = {"color": ACCENT, "width": 3}
        figure.add_scatter(x=x, y=rates, name="FLOP per byte", line=line)
        figure.add_bar(
            x=x,
            y=shares,
            name="weights' share of the bytes, %",
            yaxis="y2",
            marker={"color": WARM},
            opacity=0.45,
        )
        laid(figure, "samples in a batch", "FLOP per byte")
        figure.update_layout(yaxis2={"overlaying": "y", "side": "right", "showgrid": False})
        figure.update_layout(yaxis2_title="%", yaxis2_range=[0, 100])
        figure.update_layout(yaxis2_tickmode="array", yaxis2_tickvals=[0, 25, 50, 75, 100])
        figure.update_xaxes(type="category")
        figure.update_layout(yaxis_rangemode="tozero")  # what grows by a third looks like it
        return (
            Panel(
                "Weights read once for all",
                figure,
                f"Counted on the graph of {self.sample}, bound to each batch size. Weights are "
                f"read once for the whole batch, so each byte does {rates[-1] / rates[0]:.1f} "
                f"times the work at {self.sizes[-1]} that it does at {self.sizes[0]}.",
            ),
        )


def _weights(analysis: Analysis) -> float:
    return min(analysis.weight_bytes, analysis.bytes)
