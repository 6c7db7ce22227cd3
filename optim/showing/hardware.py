"""All hardware at once: one recipe and the original on every target, as sorted bars."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from optim.findings import Interval, percent
from optim.showing import text
from optim.showing.bounds import BOUNDS
from optim.showing.chart import GREY
from optim.targets import Target
from optim.targets.estimate import Bound, Estimate

MEASURED = "#3f8f5b"
_ROW, _LOW_ROW, _FRAME = 36, 30, 100  # pixels; of two bars, of one, around all
_NARROW = 26  # characters of a target's title that take one line
_APART = 0.4  # of a row: the bars of one target
_ROOM = 4.0  # how far the axis goes on beyond the longest bar, for its label
_LONG = 90  # characters of a refusal in the chart
_NONE = "rgba(0,0,0,0)"


@dataclass(frozen=True)
class Bar:
    """How long one run takes on one target, in ms; `refused` says why it takes none.

    `of` is what runs: the original or a trial. `bound` is None for what was measured. `doubted`:
    an estimate that a measurement here contradicts.
    """

    target: str
    title: str
    of: str
    time: Interval | None
    bound: Bound | None = None
    refused: str = ""
    said: tuple[str, ...] = ()
    doubted: bool = False

    @property
    def measured(self) -> bool:
        """Whether it was timed rather than estimated."""
        return self.time is not None and self.bound is None


def estimated(target: Target, of: str, found: Estimate) -> Bar:
    """An estimate as a bar."""
    if found.refused:
        return Bar(target.name, target.title, of, None, refused=found.refused)
    bound, share = max(found.bound_by.items(), key=lambda item: item[1])
    said = (
        f"{percent(share)} of it is {BOUNDS[bound].said}",
        f"{percent(found.coverage)} of models are meant to lie in the interval",
    )
    return Bar(target.name, target.title, of, found.interval, bound, said=said)


def ordered(bars: Sequence[Bar]) -> list[list[Bar]]:
    """The bars of each target together: the fastest target first, what refuses last."""
    by_target: dict[str, list[Bar]] = {}
    for bar in bars:
        by_target.setdefault(bar.target, []).append(bar)

    def key(found: list[Bar]) -> float:
        return found[-1].time.value if found[-1].time else math.inf

    return sorted(by_target.values(), key=key)


def hardware_chart(bars: Sequence[Bar]) -> go.Figure:
    """Horizontal bars on a logarithmic axis, solid where measured, hollow where estimated.

    Points of every trace carry the target's name, for clicks.

    Args:
        bars: of each target first the original's, then the recipe's; that is what they are
            sorted by.
    """
    rows = ordered(bars)
    names = list(dict.fromkeys(bar.of for bar in bars))
    places = {
        (bar.target, bar.of): row + _APART * (names.index(bar.of) - (len(names) - 1) / 2)
        for row, found in enumerate(rows)
        for bar in found
    }
    known = [bar.time for bar in bars if bar.time]
    low = min((time.low for time in known), default=0.1) / 1.6
    high = max((time.high for time in known), default=1.0) * _ROOM
    figure = go.Figure()
    for kind in (None, *BOUNDS):
        if some := [bar for bar in bars if bar.time and bar.bound == kind]:
            figure.add_trace(_trace(kind, some, low, places))
    figure.add_trace(_labels(bars, low, places))
    figure.update_layout(
        barmode="overlay",
        height=_FRAME + (_ROW if len(names) > 1 else _LOW_ROW) * len(rows),
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        legend={"orientation": "h", "y": 1.01, "yanchor": "bottom", "x": 0},
        hovermode="closest",
    )
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[_narrow(found[0].title) for found in rows],
        range=[len(rows) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
    )
    title = "ms per run, logarithmic"
    figure.update_xaxes(type="log", range=[math.log10(low), math.log10(high)], title=title, dtick=1)
    return figure


Places = dict[tuple[str, str], float]


def _narrow(title: str) -> str:
    """What it is over what is in brackets, so that on a phone there is room for bars."""
    return escape(title) if len(title) <= _NARROW else escape(title).replace(" (", "<br>(")


def _trace(kind: Bound | None, bars: Sequence[Bar], low: float, places: Places) -> go.Bar:
    times = [bar.time for bar in bars if bar.time]
    return go.Bar(
        name=f"estimated, mostly {BOUNDS[kind].said}" if kind else "measured on this machine",
        orientation="h",
        base=low,
        x=[time.value - low for time in times],
        y=[places[bar.target, bar.of] for bar in bars],
        width=0.32,
        error_x={
            "array": [time.high - time.value for time in times],
            "arrayminus": [time.value - time.low for time in times],
            "thickness": 1.2,
            "width": 3,
            "color": GREY,
        },
        marker=_marker(kind),
        **_common(bars),
    )


def _labels(bars: Sequence[Bar], low: float, places: Places) -> go.Scatter:
    """What each bar says, beyond its interval; a refusal in the bar's place."""
    return go.Scatter(
        mode="text",
        x=[bar.time.high if bar.time else low for bar in bars],
        y=[places[bar.target, bar.of] for bar in bars],
        text=[f" {escape(_label(bar))}" for bar in bars],
        textposition="middle right",
        textfont={"size": 12},
        cliponaxis=False,
        showlegend=False,
        **_common(bars),
    )


def _common(bars: Sequence[Bar]) -> dict[str, Any]:
    return {
        "customdata": [[bar.target, bar.of] for bar in bars],
        "hovertext": ["<br>".join(_hover(bar)) for bar in bars],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _label(bar: Bar) -> str:
    if bar.time:
        return f"{bar.of} {text.milliseconds(bar.time.value)}{' (doubtful)' * bar.doubted}"
    cut = bar.refused if len(bar.refused) <= _LONG else f"{bar.refused[: _LONG - 1]}…"
    return f"{bar.of}: cannot run. {cut}"


def _marker(kind: Bound | None) -> dict[str, Any]:
    if kind is None:
        return {"color": MEASURED, "line": {"color": MEASURED, "width": 2}}
    look = BOUNDS[kind]
    pattern = {"shape": look.hatching, "fgcolor": look.colour, "bgcolor": _NONE, "size": 6}
    return {"color": _NONE, "line": {"color": look.colour, "width": 2}, "pattern": pattern}


def _hover(bar: Bar) -> Iterator[str]:
    yield f"<b>{escape(bar.title)}</b>, {escape(bar.of)}"
    if bar.time is None:
        yield from map(escape, wrap(bar.refused, 60))
        return
    how = "measured" if bar.measured else "estimated, not measured"
    yield f"{text.spanned(bar.time, text.milliseconds)}, {how}"
    yield from map(escape, bar.said)
