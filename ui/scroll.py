"""Bring a place of the page into view: what a click has changed may lie below the fold."""

from pathlib import Path

import streamlit as st


def into_view(asked: str) -> None:
    """Scroll to where this is called, once for each thing that was asked for."""
    mount = st.components.v2.component(
        "scroll", html="<i></i>", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    )
    mount(key="scroll", data={"asked": asked}, height=1)
