"""Why layout matters: the same numbers of a real activation's size, read in different orders."""

import time
from typing import ClassVar

import numpy as np
import plotly.graph_objects as go

from optim.learning.drawing import laid
from optim.learning.picture import Panel, Picture, timed_in_child
from optim.showing.chart import ACCENT

_NUMBERS = 1 << 20
_REPEATS = 7
_LINE = 16  # numbers in 64 bytes


class Strides(Picture):
    """Sums of as many numbers, each so many places after the one before it."""

    title: ClassVar[str] = "The same sum in other orders"

    def draw(self) -> tuple[Panel, ...]:
        seen = timed_in_child(walk, {})
        figure = go.Figure(
            go.Scatter(
                x=[4 * stride for stride in seen["strides"]],
                y=seen["nanoseconds"],
                mode="lines+markers",
                line={"color": ACCENT, "width": 3},
            )
        )
        laid(figure, "bytes from one number to the next", "ns a number")
        figure.update_xaxes(type="log", tickvals=[4 * stride for stride in seen["strides"]])
        times = dict(zip(seen["strides"], seen["nanoseconds"], strict=True))
        return (
            Panel(
                "Reading near, reading far",
                figure,
                "Measured now: the time of adding up as many numbers, which lie next to each other "
                "or farther and farther apart. Memory comes in lines of 64 bytes, and vector "
                "instructions take numbers that lie side by side: with one number of each line "
                f"used, this sum takes {times[_LINE] / times[1]:.1f} times as long.",
            ),
        )


def walk() -> dict[str, list[float]]:
    """The child's side: nanoseconds a number for each stride, the best of a few."""
    strides = [1, 2, 4, 8, 16, 32, 64]
    numbers = np.ones(_NUMBERS * strides[-1], np.float32)
    found = []
    for stride in strides:
        view = numbers[: _NUMBERS * stride : stride]
        times = []
        for _ in range(_REPEATS):
            start = time.perf_counter()
            view.sum()
            times.append(time.perf_counter() - start)
        found.append(min(times) / _NUMBERS * 1e9)
    return {"strides": [float(stride) for stride in strides], "nanoseconds": found}
