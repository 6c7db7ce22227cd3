"""The waterfall as a picture: from the run before to the run after, operator by operator."""

from collections.abc import Sequence
from itertools import accumulate

import plotly.graph_objects as go

from optim.showing.chart import ACCENT, GREY
from optim.showing.text import milliseconds, time_unit
from optim.showing.waterfall import WORSE
from optim.why.saying import signed
from optim.why.waterfall import Bar, Waterfall

_MOST = 7
_ROOM = 1.25  # right of the longest bar, for its figure
_ROW, _AROUND = 34, 70  # pixels
_FEW = 0.01  # of the run before: changes below it are taken together


def waterfall_chart(found: Waterfall) -> go.Figure:
    """Bars from before to after; each operator's with its 95 % interval where one points at it."""
    shown = [b for b in found.bars if abs(b.change_ms.value) > _FEW * found.before_ms][:_MOST]
    rest = found.change_ms - sum(bar.change_ms.value for bar in shown)
    changes = [bar.change_ms.value for bar in shown] + [rest]
    names = ["before", *(bar.op for bar in shown), "the rest", "after"]
    values = [found.before_ms, *changes, found.after_ms]
    said = [milliseconds(found.before_ms), *map(signed, changes), milliseconds(found.after_ms)]
    hover = [said[0], *map(_hover, shown), *said[-2:]]
    measure = ["absolute", *["relative"] * len(changes), "total"]
    top = max(accumulate(values[:-1]))
    return _drawn(names, values, measure, said, hover, top)


def parts_chart(found: Waterfall) -> go.Figure:
    """What one run is made of, operator by operator."""
    shown = found.parts[:_MOST]
    rest = found.after_ms - sum(bar.after_ms for bar in shown)
    values = [*(bar.after_ms for bar in shown), rest, found.after_ms]
    names = [*(bar.op for bar in shown), "the rest", "a run"]
    said = [milliseconds(value) for value in values]
    measure = [*["relative"] * (len(shown) + 1), "total"]
    return _drawn(names, values, measure, said, said, found.after_ms)


def _drawn(
    names: Sequence[str],
    values: Sequence[float],
    measure: Sequence[str],
    said: Sequence[str],
    hover: Sequence[str],
    top: float,
) -> go.Figure:
    unit, scale = time_unit(top)
    bars = go.Waterfall(
        orientation="h",
        y=names,
        x=[scale * value for value in values],
        measure=measure,
        text=said,
        textposition="outside",
        hovertext=hover,
        hoverinfo="y+text",
        decreasing={"marker": {"color": ACCENT}},
        increasing={"marker": {"color": WORSE}},
        totals={"marker": {"color": GREY}},
        connector={"line": {"width": 1, "color": GREY}},
    )
    return go.Figure(bars).update_layout(
        height=_AROUND + _ROW * len(names),
        margin={"l": 10, "r": 10, "t": 10, "b": 40},
        xaxis={"title": f"{unit} a run", "range": [0, _ROOM * scale * top]},
        yaxis={"autorange": "reversed", "automargin": True, "showgrid": False},
        showlegend=False,
    )


def _hover(bar: Bar) -> str:
    value, low, high = map(signed, (bar.change_ms.value, bar.change_ms.low, bar.change_ms.high))
    return (
        f"{milliseconds(bar.before_ms)} before, {milliseconds(bar.after_ms)} after; change {value} "
        f"({low} to {high})"
    )
