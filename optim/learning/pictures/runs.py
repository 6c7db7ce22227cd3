"""Every single run, from the first one on: warming up, the median, the tail."""

import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import plotly.graph_objects as go
from pydantic import Field

from optim.learning.drawing import RED, WARM, laid
from optim.learning.picture import Panel, Picture, timed_in_child
from optim.learning.sample import opened
from optim.learning.together import batched
from optim.recipe import Recipe
from optim.showing.chart import ACCENT, GREY, LOG_AXIS
from optim.showing.text import milliseconds

_SHOWN = 60


class Runs(Picture):
    """One process, no warm-up: what a careless timer would see."""

    title: ClassVar[str] = "Run after run"

    sample: str
    count: int = Field(default=600, ge=100, le=5000, description="Runs timed.")

    def draw(self) -> tuple[Panel, ...]:
        of = opened(self.sample)
        argument = {"path": str(of.model.path), "evalset": of.evalset.digest, "count": self.count}
        times = timed_in_child(time_runs, argument, of.files)
        middle = float(np.median(times))
        return (
            Panel(
                "From the first run on",
                _in_order(times[:_SHOWN], middle),
                f"The first {_SHOWN} runs after loading {self.sample}, measured just now. The very "
                f"first took {times[0] / middle:.1f} times the median: memory is found, kernels "
                "are chosen, caches are empty. A mean over few runs carries that along.",
            ),
            Panel(
                "All of them",
                _spread(times),
                f"{len(times)} runs. The median is {milliseconds(middle)}, one in a hundred took "
                f"{milliseconds(float(np.percentile(times, 99)))} or longer. The tail is others' "
                "work on this machine; it has one side, so a mean says little.",
            ),
        )


def _in_order(times: list[float], middle: float) -> go.Figure:
    x = list(range(1, 1 + len(times)))
    dots = {"color": ACCENT, "size": 7}
    figure = go.Figure(go.Scatter(x=x, y=times, mode="markers", marker=dots, name="a run"))
    ends, line = [x[0], x[-1]], {"color": WARM}
    figure.add_scatter(x=ends, y=[middle] * 2, mode="lines", line=line, name="median of all")
    return laid(figure, "run", "ms").update_yaxes(rangemode="tozero")


def _spread(times: list[float]) -> go.Figure:
    figure = go.Figure(go.Histogram(x=times, nbinsx=100, marker={"color": ACCENT}))
    marks = ((50, "median", WARM), (90, "p90", GREY), (99, "p99", RED))
    for percent, name, colour in marks:
        x = float(np.percentile(times, percent))
        figure.add_vline(x=x, line={"color": colour, "width": 2}, annotation_text=name)
    figure.update_xaxes(range=[min(times) * 0.95, float(np.percentile(times, 99.5)) * 1.1])
    return laid(figure, "ms a run", "runs").update_yaxes(LOG_AXIS)


def time_runs(path: str, evalset: str, count: int) -> list[float]:
    """The child's side: milliseconds of each run, in order, nothing left out."""
    run = Recipe.baseline().runtime.open(Path(path)).bind(batched(evalset, 1, 1)[0])
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - start) / 1e6)
    return times
