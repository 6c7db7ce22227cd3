"""The decision in words and as a chart, for pages and terminals."""

from collections.abc import Sequence

import plotly.graph_objects as go

from optim.decision.costs import Costs
from optim.decision.expected import PER, Earned
from optim.findings import Interval, percent
from optim.showing.chart import ACCENT, GREY

COLUMNS = (
    "setting",
    "per 1,000",
    "more than the original",
    "late",
    "refused",
    "bad ones accepted",
    "good ones refused",
)

_IN_TIME = (
    " No decision comes too late, so speed earns nothing: ask for more requests a second, or a "
    "shorter time, to see what it is worth."
)


def amount(value: Interval, currency: str) -> str:
    """An amount with its 95 % interval."""
    return f"{value.value:,.0f} {currency} ({value.low:,.0f} to {value.high:,.0f})"


def _price(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.2f}"


def cells(one: Earned, currency: str) -> list[str]:
    """One setting's figures by `COLUMNS`."""
    shares = (one.late, one.refused, one.missed, one.alarmed)
    name = f"#{one.number} {one.spelling}"
    sums = (amount(one.money, currency), amount(one.more, currency))
    return [name, *sums, *(percent(share, 2) for share in shares)]


def verdict(found: Sequence[Earned], costs: Costs) -> str:
    """Which setting earns more than the original, if any is shown to; else what speed would."""
    better = [one for one in found[1:] if one.more.low > 0]
    if not better:
        in_time = not any(one.late for one in found)
        return "No setting is shown to earn more than the original." + _IN_TIME * in_time
    best = max(better, key=lambda one: one.more.value)
    return (
        f"#{best.number} {best.spelling} earns {amount(best.more, costs.currency)} more per "
        f"{PER:,} requests than the original."
    )


def terms(costs: Costs) -> str:
    """What the amounts rest on."""
    sums = (
        f"{name} {_price(value)} {costs.currency}"
        for name, value in (
            ("A good one accepted brings", costs.value),
            ("one refused (a false alarm) costs", costs.false_alarm),
            ("a bad one accepted (a miss) costs", costs.miss),
        )
    )
    return (
        f"{'; '.join(sums)}; after {costs.deadline_ms:g} ms the default is to {costs.late} it. "
        f"Refused is what is bad with a probability of {percent(costs.threshold, 1)} or more, "
        "which follows from the costs."
    )


def calibration(found: Sequence[Earned], costs: Costs) -> str:
    """That the original's scores are no probabilities as they stand, which costs decide by; or
    empty."""
    first, limit = found[0], percent(costs.threshold, 1)
    if first.bad.low <= first.claimed <= first.bad.high:
        return ""
    many = "few" if first.claimed < first.bad.low else "many"
    among = f"{percent(first.bad.low, 2)} to {percent(first.bad.high, 2)}"
    return (
        f"The original expects {percent(first.claimed, 2)} to be bad, and "
        f"{percent(first.bad.value, 2)} are ({among}): it is not calibrated, so {limit} refuses "
        f"too {many}. Calibrate its probabilities (Platt scaling, isotonic regression) on samples "
        "of their own."
    )


def money_chart(found: Sequence[Earned], currency: str) -> go.Figure:
    """Money per 1,000 requests of each setting beyond the original's, with intervals."""
    names = [f"#{one.number} {one.spelling}" for one in found]
    figure = go.Figure(
        go.Scatter(
            x=[one.more.value for one in found],
            y=names,
            mode="markers",
            marker={"size": 11, "color": [GREY, *[ACCENT] * (len(found) - 1)]},
            error_x={
                "array": [one.more.high - one.more.value for one in found],
                "arrayminus": [one.more.value - one.more.low for one in found],
                "color": GREY,
            },
            customdata=[amount(one.money, currency) for one in found],
            hovertemplate="%{y}<br>%{customdata} in all<extra></extra>",
        )
    )
    figure.add_vline(x=0, line_dash="dash", line_color=GREY)
    figure.update_layout(
        xaxis_title=f"{currency} per {PER:,} requests more than the original (95 % interval)",
        yaxis={"autorange": "reversed", "automargin": True},
        height=120 + 40 * len(found),
        margin={"l": 20, "r": 20, "t": 20, "b": 50},
    )
    return figure
