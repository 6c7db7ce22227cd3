"""News of a study: an open page asks for them cheaply, and is drawn anew only then."""

from pathlib import Path

import streamlit as st

from ui.text import key_of


def redraw_on_news(url: str, stamp: str, eager: bool = False) -> None:
    """Draw the fragment that calls this anew when the stamp at this address is no longer this.

    Args:
        eager: without a rest after the last drawing, since people look at an empty chart.
    """
    mount = st.components.v2.component(
        "news", html="<i></i>", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    )
    data = {"url": url.removeprefix("/"), "stamp": stamp, "eager": eager}
    mount(key=key_of("news", url), data=data, height=1, on_news_change=lambda: None)
