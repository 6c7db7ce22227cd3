"""Load curves as charts: latency against rate, and where the milliseconds go."""

from collections.abc import Sequence
from math import inf, isinf, log10
from typing import Any

import plotly.graph_objects as go

from optim.findings import Interval
from optim.load.curve import Curve
from optim.load.loaded import PARTS, Loaded
from optim.serving.settings import parse_serving
from optim.showing import text
from optim.showing.chart import GREY, LOG_AXIS
from optim.showing.chart.marks import COLOURS

_COLOURS = COLOURS[:2]
_OF_PART = (GREY, *(COLOURS[place] for place in (2, 4, 1, 5, 0, 3)))
_HEIGHT = 330
_FAINT = "rgba(133,147,163,0.25)"
_DASH = {"p50": "dot", "p99": "solid"}
_SHAPE = {"p50": "circle-open", "p99": "circle"}


def curve_chart(curves: Sequence[Curve], limit_ms: float) -> go.Figure:
    """p50 (dotted, hollow) and p99 with 95 % intervals against the rate; knees and the limit.

    A percentile without enough samples, or one of requests that were never answered, has no point.
    """
    figure = go.Figure()
    for curve, colour in zip(curves, _COLOURS, strict=False):
        for name in _DASH:
            figure.add_trace(_line(curve, name, colour))
        if knee := curve.knee:
            figure.add_vline(
                knee.rate,
                line={"color": colour, "dash": "dash", "width": 1},
                annotation={"text": "knee", "font": {"color": colour}},
                annotation_position="top",
            )
    figure.add_hline(limit_ms, line={"color": GREY, "dash": "dashdot", "width": 1})
    figure.add_annotation(  # of a logarithmic axis, annotations want the logarithm
        x=0,
        xref="paper",
        xanchor="left",
        y=log10(limit_ms),
        yanchor="bottom",
        showarrow=False,
        text=f"limit {text.milliseconds(limit_ms)}",
    )
    figure.update_xaxes(title="requests a second that were due", rangemode="tozero")
    figure.update_yaxes(LOG_AXIS, title="ms from due to answered")
    figure.update_layout(showlegend=True)  # of a single line, too: it may be the p50 alone
    return _laid(figure, _HEIGHT)


def where_chart(curves: Sequence[Curve]) -> go.Figure:
    """Shares of the mean latency by part: at the lowest rate, the knee and the highest rate."""
    rows = [(curve, one, sum(one.where.values())) for curve in curves for one in _telling(curve)]
    labels = [
        f"{parse_serving(curve.serving).short}<br>{one.rate:,.0f}/s: {text.milliseconds(ms)}"
        for curve, one, ms in rows
    ]
    figure = go.Figure(
        [
            go.Bar(
                name=part,
                y=labels,
                x=[100 * one.where[part] / (ms or 1.0) for _, one, ms in rows],
                customdata=[one.where[part] for _, one, _ in rows],
                text=part,
                textposition="inside",
                textangle=0,
                insidetextanchor="middle",
                orientation="h",
                marker={"color": colour},
                hovertemplate=f"{title}: %{{customdata:.3f}} ms (%{{x:.0f}} %)<extra></extra>",
            )
            for (part, title), colour in zip(PARTS.items(), _OF_PART, strict=True)
        ]
    )
    figure.update_layout(barmode="stack", uniformtext={"minsize": 10, "mode": "hide"})
    figure.update_xaxes(title="% of the mean latency", range=[0, 100])
    figure.update_yaxes(autorange="reversed")
    return _laid(figure, max(_HEIGHT, 130 + 40 * len(rows)))


def _telling(curve: Curve) -> list[Loaded]:
    points = curve.points
    if not points:
        return []
    chosen = {one.rate: one for one in (points[0], curve.knee or points[0], points[-1])}
    return [chosen[rate] for rate in sorted(chosen)]


def _line(curve: Curve, name: str, colour: str) -> go.Scatter:
    found = [(one, one.latency(name)) for one in curve.points]
    shown = [(one, value) for one, value in found if value and not isinf(value.value)]
    return go.Scatter(
        name=f"{parse_serving(curve.serving).short} {name}",
        x=[one.rate for one, _ in shown],
        y=[value.value for _, value in shown],
        error_y=_error([value for _, value in shown], colour),
        mode="lines+markers",
        line={"color": colour, "dash": _DASH[name]},
        marker={"symbol": _SHAPE[name], "size": 9},
        customdata=[[value.low, _high(value), one.requests.count] for one, value in shown],
        hovertemplate=f"{name} at %{{x:,.0f}} a second: %{{y:.2f}} ms "
        "(%{customdata[0]:.2f} to %{customdata[1]}), %{customdata[2]} requests<extra></extra>",
    )


def _error(values: Sequence[Interval], colour: str) -> dict[str, Any]:
    return {
        "array": [min(value.high, 100 * value.value) - value.value for value in values],
        "arrayminus": [value.value - value.low for value in values],
        "color": colour,
        "thickness": 1.5,
    }


def _high(value: Interval) -> str:
    return "never answered" if value.high == inf else f"{value.high:.2f}"


def _laid(figure: go.Figure, height: int) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.06, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        font={"size": 13},
    )
    figure.update_xaxes(automargin=True, gridcolor=_FAINT)
    figure.update_yaxes(automargin=True, gridcolor=_FAINT)
    return figure
