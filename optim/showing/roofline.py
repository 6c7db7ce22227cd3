"""The roofline of one target as a picture: a model's operators under what its hardware reaches."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import plotly.graph_objects as go

from optim.findings import percent
from optim.names import legible
from optim.showing import text
from optim.showing.bounds import BOUNDS
from optim.showing.chart import GREY
from optim.targets.estimate import Bound
from optim.targets.roofline import Roofline, Work

_LEAST, _MOST = 7, 34  # pixels of a point
_NAMED = 4
_DASHES = ("solid", "dash", "dashdot", "longdash")


def roofline_chart(found: Roofline) -> go.Figure:
    """Each operator a point: FLOP/byte against FLOP/s, its area the time that it takes.

    All of the points is estimated; the roof is of the datasheet. Operators without arithmetic have
    no place on these axes: `left_out` says what they take.
    """
    works = [work for work in found.works if work.flops and work.bytes]
    xs = [work.flops / work.bytes for work in works] or [1.0]
    ridge = max(found.peaks.values()) / found.bandwidth if found.bandwidth else 1.0
    left, right = min(*xs, ridge) / 4, max(*xs, ridge) * 6
    figure = go.Figure(_roofs(found, left, right))
    whole = sum(work.seconds for work in found.works) or 1.0
    for bound in BOUNDS:
        if some := [work for work in works if work.bound == bound]:
            figure.add_trace(_points(some, bound, whole))
    rates = [work.flops / work.seconds for work in works] or [1e9]
    top = max(found.peaks.values()) * 3
    bottom = min(*rates, found.bandwidth * left or top) / 3
    figure.update_layout(
        height=470,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": -0.16, "yanchor": "top", "x": 0, "itemsizing": "constant"},
        hovermode="closest",
        xaxis={"title": "FLOP per byte moved", **_logarithmic(left, right)},
        yaxis={"title": "FLOP/s, estimated", **_logarithmic(bottom, top)},
    )
    return figure


def _logarithmic(low: float, high: float) -> dict[str, Any]:
    ends = [math.log10(low), math.log10(high)]
    return {"type": "log", "dtick": 1, "exponentformat": "SI extended", "range": ends}


def left_out(found: Roofline) -> str:
    """What the operators take that have no place in the chart; empty where there are none."""
    rest = [work for work in found.works if not (work.flops and work.bytes)]
    if not rest:
        return ""
    whole = sum(work.seconds for work in found.works)
    share = sum(work.seconds for work in rest) / whole if whole else 0.0
    return (
        f"{len(rest)} of {len(found.works)} operators do no arithmetic and have no place here; "
        f"by the estimate they take {percent(share)} of the operators' time."
    )


def _roofs(found: Roofline, left: float, right: float) -> list[go.Scatter]:
    roofs = []
    for (dtype, peak), dash in zip(found.peaks.items(), _DASHES, strict=False):
        bend = peak / found.bandwidth if found.bandwidth else left
        xs = [left, *([bend] if left < bend < right else []), right]
        ys = [min(peak, x * found.bandwidth) if found.bandwidth else peak for x in xs]
        name = f"datasheet: {dtype} {text.count(peak)}FLOP/s, memory {text.size(found.bandwidth)}/s"
        roofs.append(_line(xs, ys, name, dash))
    peak = max(found.peaks.values())
    if found.reachable > found.bandwidth:
        bend = min(peak / found.reachable, right)
        name = f"from on-chip memory, as assumed: {text.size(found.reachable)}/s"
        roofs.append(
            _line([left, bend], [left * found.reachable, bend * found.reachable], name, "dot")
        )
    return roofs


def _line(xs: Sequence[float], ys: Sequence[float], name: str, dash: str) -> go.Scatter:
    return go.Scatter(
        x=xs, y=ys, name=name, mode="lines", line={"color": GREY, "width": 2, "dash": dash},
        hoverinfo="skip",
    )  # fmt: skip


def _points(works: Sequence[Work], bound: Bound, whole: float) -> go.Scatter:
    look = BOUNDS[bound]
    shares = [work.seconds / whole for work in works]
    return go.Scatter(
        name=look.said,
        mode="markers",
        x=[work.flops / work.bytes for work in works],
        y=[work.flops / work.seconds for work in works],
        marker={
            "symbol": f"{look.symbol}-open" if bound != "dispatch" else f"{look.symbol}-thin-open",
            "color": look.colour,
            "size": [_LEAST + (_MOST - _LEAST) * math.sqrt(share) for share in shares],
            "line": {"width": 2},
        },
        hovertext=[_hover(work, share) for work, share in zip(works, shares, strict=True)],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _hover(work: Work, share: float) -> str:
    named = [f"{legible(row.name)} ({row.op})" for row in work.rows[:_NAMED]]
    more = [f"and {len(work.rows) - _NAMED} more"] if len(work.rows) > _NAMED else []
    ms = 1e3 * work.seconds
    lines = (
        *(f"<b>{escape(name)}</b>" for name in named),
        *more,
        f"{text.milliseconds(ms)}, {percent(share, 1)} of the operators' time, estimated",
        f"{text.count(work.flops)}FLOP, {text.size(work.bytes)} moved, in {work.dtype or 'fp32'}",
        f"mostly {BOUNDS[work.bound].said}",
    )
    return "<br>".join(lines)
