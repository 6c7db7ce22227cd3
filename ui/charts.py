"""The page's own charts: values in, Plotly figures out. (`optim.showing` has the trade-off.)"""

from collections.abc import Mapping, Sequence
from html import escape

import plotly.graph_objects as go

from optim.showing.chart import ACCENT, GREY

INK = "#0d1b26"  # text on tiles, which have the same colours in both themes
_MOST_TILES = 400
_ALL = "all/"  # the whole of a treemap; no operator's name
_BARS = (GREY, ACCENT, "#c98a2b", "#5d8f58", "#9b6fae", "#b5574f")


def treemap(
    names: Sequence[str], ops: Sequence[str], values: Sequence[float], unit: str
) -> go.Figure:
    """Where something goes: nodes within their operator, area proportional to `values`."""
    totals: dict[str, float] = {}
    for op, value in zip(ops, values, strict=True):
        totals[op] = totals.get(op, 0.0) + value
    nodes = sorted(zip(names, ops, values, strict=True), key=lambda node: -node[2])
    small: dict[str, list[float]] = {}
    for _, op, value in nodes[_MOST_TILES:]:
        small.setdefault(op, []).append(value)
    tiles = nodes[:_MOST_TILES]
    tiles += [(f"{len(rest)} smaller ones", op, sum(rest)) for op, rest in small.items()]
    inner = [f"{op}/{i}" for i, (_, op, _) in enumerate(tiles)]
    figure = go.Figure(
        go.Treemap(
            ids=[_ALL, *totals, *inner],
            labels=[escape(name) for name in ("all", *totals, *(tile[0] for tile in tiles))],
            parents=["", *(_ALL for _ in totals), *(op for _, op, _ in tiles)],
            values=[0, *(0 for _ in totals), *(value for _, _, value in tiles)],
            texttemplate="%{label}<br>%{percentRoot:.1%}",
            textfont={"color": INK},
            hovertemplate=f"<b>%{{label}}</b><br>%{{value:,.4~r}} {unit}"
            "<br>%{percentRoot:.1%} of all<extra></extra>",
            marker={
                "colorscale": [[0, "#9fb6c6"], [1, ACCENT]],
                "colors": [0, *totals.values(), *(value for _, _, value in tiles)],
            },
            maxdepth=3,
        )
    )
    figure.update_layout(
        height=420,
        margin={"l": 0, "r": 0, "t": 10, "b": 0},
        uniformtext={"minsize": 10, "mode": "hide"},
    )
    return figure


def operator_bars(rows: Mapping[str, Mapping[str, float]], limit: int = 12) -> go.Figure:
    """Time per operator, one group of bars per trial.

    Args:
        rows: trial -> operator -> microseconds.
    """
    totals: dict[str, float] = {}
    for times in rows.values():
        for op, value in times.items():
            totals[op] = max(totals.get(op, 0.0), value)
    ops = sorted(totals, key=lambda op: -totals[op])[:limit]
    figure = go.Figure()
    for index, (name, times) in enumerate(rows.items()):
        figure.add_trace(
            go.Bar(
                name=name,
                y=ops,
                x=[times.get(op, 0.0) for op in ops],
                orientation="h",
                marker={"color": _BARS[index % len(_BARS)]},
                hovertemplate="%{y}: %{x:,.4g} µs<extra>" + name + "</extra>",
            )
        )
    figure.update_layout(
        barmode="group",
        height=max(240, 34 * len(ops) * max(1, len(rows)) // 2 + 110),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        xaxis={"title": "µs per run, by the engine's own profiler"},
        yaxis={"autorange": "reversed"},
    )
    return figure


def for_a_room(figure: go.Figure, font: int, height: int) -> go.Figure:
    """The same in letters of `font` pixels, `height` pixels high."""
    letters = {"size": font}
    figure.update_layout(font=letters, height=height, margin={"t": 10, "l": 10, "b": 10})
    figure.update_traces(textfont=letters, selector={"type": "bar"})
    figure.update_annotations(font=letters)
    axis = {"tickfont": letters, "title_font": letters, "automargin": True}
    return figure.update_xaxes(axis).update_yaxes(axis)
