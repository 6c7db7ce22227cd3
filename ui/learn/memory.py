"""What a browser's tab remembers of a class, so that a reload loses neither key nor guess.

It is in no address: who copies the address of a trainer's page becomes a learner, not a trainer.
"""

from pathlib import Path

import streamlit as st

from ui.text import key_of

_LONGEST = 100


def kept_in_tab(name: str) -> str:
    """What this session, or else this tab, knows under a name; empty where it knows nothing."""
    mount = st.components.v2.component(
        "memory", html="<i></i>", js=Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    )
    value = st.session_state.get(key_of("kept", name), "")
    found = mount(
        key=key_of("memory", name),
        data={"name": f"inference-explorer-{name}", "value": value},
        default={"value": ""},
        height=1,
        on_value_change=lambda: None,
    )
    return value or str(found.get("value") or "")[:_LONGEST]


def keep_in_tab(name: str, value: str) -> None:
    """Know it from now on."""
    st.session_state[key_of("kept", name)] = value
