"""Keys of presenter mode: what is pressed, how high the window is, when the next tick is due."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

_KEY = "present_keys"
_HEIGHT = 720  # of a projector, until the browser has told its own


def window_height() -> int:
    """Pixels that the browser's window has."""
    found = st.session_state.get(_KEY)
    return int((found and found.get("height")) or _HEIGHT)


def keys(on_press: Callable[[str], None], tick_ms: int, step: int) -> None:
    """Call back with "faster", "slower", "leave" or "tick".

    Args:
        tick_ms: until a tick; 0 for none.
        step: what was drawn, so that the next tick is another one.
    """

    def pressed() -> None:
        found = st.session_state.get(_KEY)  # gone where a tick comes after the page was left
        if meant := found and found.get("pressed"):
            on_press(str(meant))

    mount = st.components.v2.component(
        "present_keys",
        html="<i></i>",
        js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8"),
    )
    mount(
        key=_KEY,
        data={"tick_ms": tick_ms, "step": step, "height": window_height()},
        height=1,
        on_pressed_change=pressed,
        on_height_change=lambda: None,
    )
