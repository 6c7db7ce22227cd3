"""Names under which this server may be reached: keeps other sites' pages out (DNS rebinding)."""

import streamlit as st
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from optim.settings import settings

_LOOPBACK = ["localhost", "127.0.0.1", "[::1]"]


def allowed_hosts() -> list[str]:
    """Those of the settings; else only this machine's own where the server listens only there."""
    if settings().hosts:
        return [name.strip() for name in settings().hosts.split(",")]
    here = st.get_option("server.address") in {"localhost", "127.0.0.1", "::1"}
    return _LOOPBACK if here else ["*"]


def middleware() -> list[Middleware]:
    """Refuses every request, WebSockets included, that names another host."""
    return [Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(), www_redirect=False)]
