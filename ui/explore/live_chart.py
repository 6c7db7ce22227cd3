"""The trade-off chart as a component of its own: it keeps its zoom while its data change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from ui.vendored import loader

LIVE = "live"
"""Key of the part of a page that is drawn anew at every news; page.css keeps it from fading."""
DRAWING = "drawing"
"""Key of where the chart is drawn: page.css keeps its place, so that nothing moves for it."""
_HTML = '<div class="live-chart" role="figure" tabindex="0" style="width: 100%"></div>'
_CSS = ".live-chart:focus-visible {outline: 2px solid var(--st-primary-color); outline-offset: 2px}"


def live_chart(
    figure: str,
    key: str,
    alt: str,
    chosen: int | None,
    on_pick: Callable[[int], None],
    told: str = "",
) -> None:
    """Draw the figure; a click on a point calls `on_pick` with the first of its customdata.

    Args:
        figure: Plotly's, as JSON.
        chosen: the point that the arrow keys start from.
        told: what it shows, as the title of a slide made of it.
    """

    def picked() -> None:
        number = st.session_state[key].get("picked")
        if number is not None:
            on_pick(int(number))

    data = {"figure": figure, "alt": alt, "chosen": chosen, "told": told}
    _component("live_chart", _HTML)(key=key, data=data, height="content", on_picked_change=picked)


def preload() -> None:
    """Have the browser read Plotly while it is idle, so that the first chart shows at once."""
    _component("plotly", "<i></i>")(key="plotly", data={"figure": None}, height=1)


def _component(name: str, html: str) -> Any:
    own = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return st.components.v2.component(
        name, html=html, css=_CSS, js=f"{loader()}\n{own}", isolate_styles=False
    )
