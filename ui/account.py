"""Logging in and out in the page, where the server asks for a password or for an account."""

import streamlit as st

from optim.errors import InputError
from ui.errors import show
from ui.server import accounts
from ui.server.guards import password
from ui.server.login import LOGOUT_URL


def logged_in() -> bool:
    """Whether the page may be shown; else what to do about it has been said."""
    if not accounts.configured() or accounts.may_use(st.user.to_dict()):
        return True
    st.title("Inference Optimization Explorer")
    if st.user.get("is_logged_in") is True:
        show(
            InputError(
                "This account may not use this server.",
                "Log in with another, or ask whoever runs it to name yours in OPTIM_ACCOUNTS.",
            )
        )
        _leave_button()
    else:
        st.button("Log in", type="primary", on_click=st.login)
    return False


def leave_link() -> None:
    """A way out, above the page, for those who had to log in."""
    if accounts.configured():
        with st.container(horizontal=True, horizontal_alignment="right"):
            _leave_button()
    elif password():
        st.html(f'<a href="{LOGOUT_URL}" target="_self" style="float: right">Log out</a>')


def _leave_button() -> None:
    st.button("Log out", on_click=st.logout, key="log_out", type="tertiary")
