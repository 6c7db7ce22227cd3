"""The twin's answers in words and as a chart, for pages and terminals."""

import math
from collections.abc import Callable, Iterator, Sequence

import plotly.graph_objects as go

from optim.findings import Interval, percent
from optim.showing import text
from optim.showing.chart import ACCENT, GREY, LOG_AXIS
from optim.twin.fleet import NOTE, Row
from optim.twin.service import ServiceTimes
from optim.twin.sizing import Demand, Predicted

COLUMNS = (
    "hardware",
    "one run",
    "replicas",
    "p99",
    "busy",
    "$ an hour",
    "power, at most",
    "energy a request",
)
_DISTURBED = 0.005
_UNSTEADY = 1.3


def cells(row: Row) -> list[str]:
    """One hardware's figures, by `COLUMNS`; what is not known is a dash."""
    kind = "measured" if row.measured else "estimate"
    title, run = f"{row.title} ({kind})", _spanned(row.run_ms, text.milliseconds)
    if row.sized is None or row.sized.replicas is None:
        return [title, run, "none", *["-"] * (len(COLUMNS) - 3)]
    found = row.sized.predicted
    return [
        title,
        run,
        _spanned(row.sized.replicas, text.whole),
        _spanned(found.p99_ms, text.milliseconds),
        percent(found.busy),
        _spanned(row.usd_hour, _dollars),
        _spanned(row.watts, lambda value: f"{text.count(value)}W"),
        _spanned(row.joules, _joules),
    ]


def _spanned(value: Interval | None, show: Callable[[float], str]) -> str:
    if value is None:
        return "-"
    return text.spanned(value, lambda one: show(one) if math.isfinite(one) else "no end")


def _joules(value: float) -> str:
    return f"{value:,.3g} J" if value >= 1 else f"{1e3 * value:.3g} mJ"


def _dollars(value: float) -> str:
    return f"{value:,.2f}"


def notes(service: ServiceTimes, rows: Sequence[Row]) -> Iterator[str]:
    """What a reader must know to believe the table."""
    yield (
        f"One run takes {text.milliseconds(service.median_ms())} here. The front, which reads and "
        f"writes requests one after the other, takes {text.milliseconds(1e3 * service.front_s)} "
        "for each."
    )
    if 1e3 * service.front_s > service.median_ms():
        yield (
            "So the front, not the model, is what fills a server: a faster model would save "
            "hardly a replica."
        )
    if service.disturbed > _DISTURBED:
        yield (
            f"{percent(service.disturbed, 1)} of the runs took over five times the median: other "
            "programs had the cores. Measure again when the machine is quiet."
        )
    if service.front_spread > _UNSTEADY:
        yield (
            f"The front's work differed {service.front_spread:.1f}-fold between its measurements; "
            "the intervals of the replicas and of p99 hold that."
        )
    yield NOTE
    for row in rows:
        if row.why:
            yield row.why if row.why.startswith(row.title) else f"{row.title}: {row.why}"


def verdict(rows: Sequence[Row], demand: Demand) -> str:
    """One sentence: the cheapest hardware that keeps the limit."""
    fits = [row for row in rows if row.sized and row.sized.replicas]
    asked = f"{demand.rate:,.0f} requests a second at p99 {demand.limit_ms:g} ms"
    if not fits:
        return f"No hardware here keeps {asked}."
    best = fits[0]
    assert best.sized and best.sized.replicas
    price = f", {_spanned(best.usd_hour, _dollars)} $ an hour" if best.usd_hour else ""
    label = "measured" if best.measured else "an estimate"
    replicas = _spanned(best.sized.replicas, text.whole)
    return f"{asked}: {replicas} replicas of {best.title}{price} ({label})."


def curve_chart(points: Sequence[tuple[float, Predicted]], limit_ms: float) -> go.Figure:
    """Predicted latency of one replica against the rate: p99 with its interval, and p50."""
    rates = [rate for rate, _ in points]
    tails = [found.p99_ms for _, found in points]
    figure = go.Figure()
    figure.add_scatter(
        x=[*rates, *rates[::-1]],
        y=[*(t.high for t in tails), *(t.low for t in tails[::-1])],
        fill="toself",
        mode="lines",
        line_width=0,
        opacity=0.25,
        fillcolor=ACCENT,
        name="95 % interval",
        hoverinfo="skip",
    )
    figure.add_scatter(x=rates, y=[t.value for t in tails], name="p99", line_color=ACCENT)
    medians = [found.p50_ms for _, found in points]
    figure.add_scatter(x=rates, y=medians, name="p50", line={"color": GREY, "dash": "dot"})
    figure.add_hline(y=limit_ms, line={"color": GREY, "dash": "dash"})
    figure.add_annotation(  # of a logarithmic axis, annotations want the logarithm
        x=0,
        xref="paper",
        xanchor="left",
        y=math.log10(limit_ms),
        yanchor="bottom",
        showarrow=False,
        text=f"limit {limit_ms:g} ms",
    )
    figure.update_layout(
        xaxis_title="requests a second, one replica (simulated)",
        yaxis={"title": "latency in ms", **LOG_AXIS},
        height=340,
        margin={"l": 60, "r": 20, "t": 20, "b": 50},
    )
    return figure
