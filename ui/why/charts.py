"""Figures of where the quality went: values in, Plotly figures out."""

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from optim.showing.chart import ACCENT, GREY
from optim.showing.waterfall import WORSE
from optim.why.layers import CLEAR_DB, TensorError
from optim.why.samples import Samples

_MOST_DB = 100.0  # drawn: above it nothing is lost that anybody would look for
_ALIKE, _FAINT = "#cfe3ec", "#ecd9b8"  # not see-through: text on them is dark in both themes
_TICKS = 10
_CELL, _AROUND, _LEAST = 34, 110, 260  # pixels


def error_by_layer(
    errors: Sequence[TensorError], jump: TensorError | None, chosen: str = ""
) -> go.Figure:
    """SQNR of each tensor in the original's order; the jump and the chosen one are marked.

    A point's customdata are its tensor.
    """
    drawn = [error for error in errors if error.sqnr_db is not None]
    places = {error.tensor: i for i, error in enumerate(errors, 1)}
    figure = go.Figure(
        go.Scatter(
            x=[places[error.tensor] for error in drawn],
            y=[_height(error) for error in drawn],
            customdata=[[error.tensor] for error in drawn],
            text=[f"<b>{escape(e.node)}</b> ({escape(e.op)})<br>{_said(e)}" for e in drawn],
            hovertemplate="%{text}<extra></extra>",
            mode="lines+markers",
            line={"color": GREY, "width": 1},
            marker={
                "color": [WORSE if error == jump else ACCENT for error in drawn],
                "size": [12 if error == jump else 6 for error in drawn],
                "symbol": ["square" if e.is_output else "circle" for e in drawn],
            },
            name="",
        )
    )
    ringed = [error for error in drawn if error.tensor == chosen]
    figure.add_scatter(
        x=[places[error.tensor] for error in ringed],
        y=[_height(error) for error in ringed],
        mode="markers",
        marker={"symbol": "circle-open", "size": 18, "color": GREY, "line": {"width": 2}},
        hoverinfo="skip",
    )
    if jump:
        beside = 3 * places[jump.tensor] < 2 * len(errors)  # to the right the line lies lower
        figure.add_annotation(
            x=places[jump.tensor],
            y=_height(jump),
            text=f"jumps at {escape(jump.node[-32:])}",
            ax=30 if beside else 0,
            ay=-30,
            xanchor="left" if beside else "center",
            font={"color": WORSE},
            arrowcolor=WORSE,
        )
    figure.add_hline(CLEAR_DB, line={"color": GREY, "dash": "dot", "width": 1})
    top = max([CLEAR_DB, *map(_height, drawn)])
    least = min([0.0, *map(_height, drawn)])
    return figure.update_layout(
        height=330,
        showlegend=False,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            **{"title": "tensors in the original's order", "showgrid": False},
            **{"tick0": 1, "dtick": max(1, len(errors) // _TICKS)},
        },
        yaxis={"title": "signal to noise (SQNR), dB", "range": [least - 3, top + 8]},
        clickmode="event+select",
    )


def _height(error: TensorError) -> float:
    return min(_MOST_DB, error.sqnr_db or 0.0)


def _said(error: TensorError) -> str:
    more = " or more" if (error.sqnr_db or 0.0) >= _MOST_DB else ""
    return f"{_height(error):.1f} dB{more}"


def agreement(samples: Samples, names: Sequence[str]) -> go.Figure:
    """How often the original answers one class (rows) and the optimized model another (columns).

    What differs is coloured by its share of the row, what is alike in one colour of its own.
    """
    counts = samples.agreement
    differing = [
        [count / sum(row) if i != j and count else 0.0 for j, count in enumerate(row)]
        for i, row in enumerate(counts)
    ]
    labels = [escape(name) for name in names]
    most = max([0.02, *(share for row in differing for share in row)])
    shares = [
        [(-most if i == j else differing[i][j]) if count else None for j, count in enumerate(row)]
        for i, row in enumerate(counts)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=labels,
            y=labels,
            text=[[f"{count:,}" if count else "" for count in row] for row in counts],
            texttemplate="%{text}",
            hovertemplate="original %{y}, optimized %{x}: %{text}<extra></extra>",
            colorscale=[[0, _ALIKE], [0.5, _ALIKE], [0.5, _FAINT], [1, WORSE]],
            zmin=-most,
            zmax=most,
            showscale=False,
            xgap=1,
            ygap=1,
        )
    )
    return figure.update_layout(
        height=max(_LEAST, _AROUND + _CELL * len(labels)),
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={"title": "optimized model's class", "type": "category", "showgrid": False},
        yaxis={
            **{"title": "original's class", "type": "category", "showgrid": False},
            "autorange": "reversed",
        },
    )
