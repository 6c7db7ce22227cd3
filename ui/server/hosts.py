"""Names under which this server may be reached: keeps other sites' pages out (DNS rebinding)."""

import streamlit as st

from optim.settings import settings

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def allowed_hosts() -> list[str]:
    """Those of the settings; else only this machine's own where the server listens only there."""
    if settings().hosts:
        return [name.strip() for name in settings().hosts.split(",")]
    return _LOOPBACK if listens_here_only() else ["*"]


def listens_here_only() -> bool:
    """Whether other machines cannot reach the server."""
    return st.get_option("server.address") in {"localhost", "127.0.0.1", "::1"}
