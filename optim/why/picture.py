"""The waterfall as a picture: from the run before to the run after, operator by operator."""

import plotly.graph_objects as go

from optim.showing.chart import ACCENT, GREY
from optim.showing.text import milliseconds
from optim.showing.waterfall import WORSE
from optim.why.waterfall import Bar, Waterfall

_MOST = 7
_FEW = 0.01  # of the run before: changes below it are taken together


def waterfall_chart(found: Waterfall) -> go.Figure:
    """Bars in ms; each operator's with its 95 % interval."""
    shown = [b for b in found.bars if abs(b.change_ms.value) > _FEW * found.before_ms][:_MOST]
    rest = found.change_ms - sum(bar.change_ms.value for bar in shown)
    changes = [bar.change_ms.value for bar in shown] + [rest]
    names = ["before", *(bar.op for bar in shown), "the rest", "after"]
    values = [found.before_ms, *changes, found.after_ms]
    figure = go.Figure(
        go.Waterfall(
            x=names,
            y=values,
            measure=["absolute", *["relative"] * len(changes), "total"],
            text=[_label(i, value, len(values)) for i, value in enumerate(values)],
            textposition="outside",
            hovertext=[milliseconds(found.before_ms), *map(_hover, shown), "", ""],
            hoverinfo="x+text",
            decreasing={"marker": {"color": ACCENT}},
            increasing={"marker": {"color": WORSE}},
            totals={"marker": {"color": GREY}},
            connector={"line": {"width": 1, "color": GREY}},
        )
    )
    figure.update_layout(
        height=340,
        margin={"l": 50, "r": 10, "t": 20, "b": 40},
        yaxis={"title": "ms a run", "rangemode": "tozero"},
        showlegend=False,
    )
    top = max(found.before_ms, found.after_ms) + max(0.0, *changes)
    figure.update_yaxes(range=[0, 1.15 * top])
    return figure


def _label(place: int, value: float, count: int) -> str:
    whole = place in (0, count - 1)
    return (
        milliseconds(value) if whole else f"{'+' if value > 0 else '−'}{milliseconds(abs(value))}"
    )


def _hover(bar: Bar) -> str:
    return (
        f"{milliseconds(bar.before_ms)} before, {milliseconds(bar.after_ms)} after; change "
        f"{bar.change_ms.value:+.3g} ms ({bar.change_ms.low:+.3g} to {bar.change_ms.high:+.3g})"
    )
