"""What became of a load: the curve, a sentence for each setting, where the time went."""

import pandas as pd
import streamlit as st

from optim.findings import Interval, percent
from optim.load.curve import Curve
from optim.load.drawing import curve_chart, where_chart
from optim.load.loaded import PARTS
from optim.load.loads import Under
from optim.serving.settings import parse_serving
from optim.showing import text
from ui.text import plain

_LIMITS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)


def limit() -> float:
    """The p99 limit in ms, as chosen."""
    chosen = st.select_slider(
        "Of 100 answers, 99 have to come within (p99)",
        _LIMITS,
        value=20.0,
        format_func=text.milliseconds,
        key="serve-limit",
    )
    return float(chosen)


def shown(under: Under, limit_ms: float) -> None:
    """All that is known by now."""
    curves = [one for one in under.curves if one.points]
    if not curves:
        return
    for one in curves:
        st.markdown(_sentence(one, limit_ms))
    left, right = st.columns([3, 2], gap="medium")
    left.plotly_chart(
        curve_chart(curves, limit_ms),
        key="serve-curve",
        config={"displayModeBar": False},
        alt="Latency against rate: p50 and p99 of each setting; the figures are in the table below",
    )
    right.plotly_chart(
        where_chart(curves),
        key="serve-where",
        config={"displayModeBar": False},
        alt="Where the milliseconds of a request go; the figures are in the table below",
    )
    st.caption("; ".join(f"**{part}**: {title}" for part, title in PARTS.items()) + ".")
    st.caption(
        "Whiskers are 95 % intervals; a percentile that the sample cannot support has no point. "
        "Latency counts from when a request was due, not from when it was sent. Client and server "
        "talk over a socket on this machine: what a network adds is not in it."
    )
    for caution in dict.fromkeys(said for one in curves for said in one.cautions):
        st.caption(f":material/warning: {plain(caution)}")
    with st.expander("All figures"):
        st.dataframe(_table(curves), hide_index=True, key="serve-figures")


def _sentence(curve: Curve, limit_ms: float) -> str:
    knee = curve.knee
    bend = f" The knee is at {knee.rate:,.0f} a second: beyond it, waiting grows." if knee else ""
    words = parse_serving(curve.serving).words
    return f"**{plain(words)}**: {plain(curve.peak(limit_ms).sentence + bend)}"


def _table(curves: list[Curve]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "setting": curve.serving,
                "due /s": round(one.rate),
                "answered /s": round(one.achieved),
                **{name: _span(one.latency(name)) for name in ("p50", "p90", "p99")},
                "refused": percent(one.refused, 1),
                **{f"{part}, ms": round(ms, 3) for part, ms in one.where.items()},
                "rows: runs": ", ".join(f"{rows}: {runs}" for rows, runs in one.batches.items()),
                "CPU, cores": round(one.server_cpu, 2),
                "memory, MB": round(one.memory_mb),
                "requests": one.requests.count,
            }
            for curve in curves
            for one in curve.points
        ]
    )


def _span(value: Interval | None) -> str:
    if value is None:
        return "not enough samples"
    return f"{value.value:.2f} ms ({value.low:.2f} to {value.high:.2f})"
