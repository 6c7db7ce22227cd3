"""A waterfall: from the original to the whole, what each step brings and costs, with intervals.

Gains are factors on a logarithmic axis, so that equal lengths are equal factors; losses add up on
an axis of their own beside it.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from optim.findings import Interval
from optim.showing import text
from optim.showing.chart import ACCENT, GREY

WORSE = "#c98a2b"  # told from ACCENT by people who see no red or no green
_LETTERS = 30  # of a name on one line
_ROOM, _LOSS_ROOM = 0.75, 1.2  # right of what is drawn, for the figures; of its width
_SPLIT = (0.58, 0.64)  # where the gains' axis ends and the losses' begins
_FACTORS = (0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100)
_ROW, _AROUND = 44, 100  # pixels


@dataclass(frozen=True)
class Step:
    """One step: a gain as a factor, and a loss in its unit; both with 95 % intervals."""

    name: str
    gain: Interval
    loss: Interval


def waterfall(
    steps: Sequence[Step], whole: Step, show_loss: text.Show, loss_title: str
) -> go.Figure:
    """Draw the steps in their order from above, then the whole.

    Args:
        show_loss: how a loss reads.
        loss_title: of the losses' axis, with its unit.
    """
    names = [_label(step.name) for step in (*steps, whole)]
    figure = go.Figure()
    gains = _bars([s.gain for s in steps], whole.gain, 1.0, operator.mul, text.times)
    losses = _bars([s.loss for s in steps], whole.loss, 0.0, operator.add, show_loss)
    _draw(figure, names, gains, "x", worse=operator.lt)
    _draw(figure, names, losses, "x2", worse=operator.gt)
    return figure.update_layout(
        height=_AROUND + _ROW * len(names),
        barmode="overlay",
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            **{"title": "gain against the original on one thread", "type": "log"},
            "range": _range(gains, _ROOM, math.log10),
            **{"domain": [0, _SPLIT[0]], "tickvals": _FACTORS},
            "ticktext": [f"{factor:g}×" for factor in _FACTORS],
        },
        xaxis2={
            **{"title": loss_title, "range": _range(losses, _LOSS_ROOM), "nticks": 5},
            **{"domain": [_SPLIT[1], 1], "zeroline": True},
        },
        yaxis={"autorange": "reversed", "automargin": True, "showgrid": False},
    )


@dataclass(frozen=True)
class _Bar:
    """From where to where, the interval of its end, and its figure."""

    start: float
    end: float
    low: float
    high: float
    said: str


def _bars(
    spans: Sequence[Interval],
    whole: Interval,
    start: float,
    at: Callable[[float, float], float],
    show: text.Show,
) -> list[_Bar]:
    """Each from where the one before ends, the whole from the start."""
    found, place = [], start
    for span in (*spans, whole):
        place = start if span is whole else place
        end, low, high = (at(place, end) for end in (span.value, span.low, span.high))
        found.append(_Bar(place, end, low, high, text.spanned(span, show)))
        place = found[-1].end
    return found


def _draw(
    figure: go.Figure,
    names: Sequence[str],
    bars: Sequence[_Bar],
    axis: str,
    worse: Callable[[float, float], bool],
) -> None:
    colours = [WORSE if worse(bar.end, bar.start) else ACCENT for bar in bars[:-1]]
    common: dict[str, Any] = {"y": names, "xaxis": axis, "hoverinfo": "skip"}
    figure.add_bar(
        x=[bar.end - bar.start for bar in bars],
        base=[bar.start for bar in bars],
        orientation="h",
        width=0.5,
        marker={"color": [*colours, GREY]},
        **common,
    )
    figure.add_scatter(
        x=[bar.end for bar in bars],
        mode="markers",
        marker={"size": 5, "color": GREY},
        error_x={
            "array": [bar.high - bar.end for bar in bars],
            "arrayminus": [bar.end - bar.low for bar in bars],
            "thickness": 1.5,
            "color": GREY,
        },
        **common,
    )
    figure.add_scatter(
        x=[max(bar.start, bar.high) for bar in bars],
        text=[f"  {bar.said}" for bar in bars],
        mode="text",
        textposition="middle right",
        cliponaxis=False,
        **common,
    )


def _range(
    bars: Sequence[_Bar], room: float, scale: Callable[[float], float] = float
) -> list[float]:
    """From the least to the greatest that is drawn, with room for the figures."""
    places = [scale(x) for bar in bars for x in (bar.start, bar.end, bar.low, bar.high)]
    width = max(places) - min(places) or 1.0
    return [min(places) - 0.05 * width, max(places) + room * width]


def _label(name: str) -> str:
    spaced = name.replace(":", ": ").replace(",", ", ")
    return "<br>".join(escape(line) for line in wrap(spaced, _LETTERS))
