"""News of a study: an open page asks for them cheaply, and is drawn anew only then."""

from pathlib import Path
from typing import Literal

import streamlit as st

from ui.text import key_of

_HTML, _LINE = "<i></i>", '<small class="now"></small>'
_CSS = """
.now {display: block; font-size: 0.875rem; line-height: 1.5; min-height: 1.5em; opacity: 0.75;
    overflow-wrap: anywhere}
"""


def redraw_on_news(url: str, stamp: str, eager: bool = False, line: str | None = None) -> None:
    """Draw the fragment that calls this anew when the stamp at this address is no longer this.

    Args:
        eager: without a rest after the last drawing, since people look at an empty chart.
        line: what the address says below its stamp at first. It is shown here from then on, and is
            no reason to draw anything anew; nothing is shown where it is None.
    """
    told = line is not None
    mount = st.components.v2.component(
        "now" if told else "news",
        html=_LINE if told else _HTML,
        css=_CSS,
        js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    )
    data = {"url": url.removeprefix("/"), "stamp": stamp, "eager": eager, "line": line}
    height: Literal["content"] | int = "content" if told else 1
    mount(
        key=key_of("now" if told else "news", url),
        data=data,
        height=height,
        on_news_change=lambda: None,
    )
