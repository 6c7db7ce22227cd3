"""Names under which this server may be reached: keeps other sites' pages out (DNS rebinding)."""

from urllib.parse import urlsplit

import streamlit as st

from optim.settings import settings

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]
_LOCAL = {"localhost", "127.0.0.1", "::1"}


def allowed_hosts() -> list[str]:
    """Those of the settings; else only this machine's own where the server listens only there."""
    if settings().hosts:
        return [name.strip() for name in settings().hosts.split(",")]
    return _LOOPBACK if listens_here_only() else ["*"]


def why_none_elsewhere(link: str) -> str:
    """Why a link leads nowhere on other machines, and what helps; empty where it may lead here."""
    if urlsplit(link).hostname not in _LOCAL:
        return ""
    return (
        "The link leads here on this machine alone. For others start the server with `optim serve "
        "--address 0.0.0.0` and a password (OPTIM_PASSWORD_FILE), and open it by this machine's "
        "name."
    )


def listens_here_only() -> bool:
    """Whether other machines cannot reach the server."""
    return st.get_option("server.address") in _LOCAL
