"""Accounts elsewhere (OpenID Connect), by Streamlit's own authentication, where it is configured.

Streamlit's section `[auth]` of secrets.toml switches it on. Pages then ask for `st.user`; this
guards the routes that are not Streamlit's, by the cookie that Streamlit signs.
"""

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME
from streamlit.web.server.starlette.starlette_websocket import _get_signed_cookie_with_chunks

from optim.settings import settings
from ui.server.metrics_guard import is_metrics

GUARDED = (
    *("/models/", "/bundles/", "/news", "/netron", "/model-explorer"),
    *("/metrics", "/_stcore/metrics"),
)
"""Beginnings of the addresses that show or tell anything of studies."""


class AccountGuard:
    """Refuses what tells of studies to those who may not use the page, where accounts are used."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        refused = scope["type"] == "http" and _is_guarded(scope) and not _knows(scope)
        answer = PlainTextResponse("Log in first.\n", status_code=401) if refused else self._app
        await answer(scope, receive, send)


def configured() -> bool:
    """Whether accounts are used."""
    return bool(st.secrets.load_if_toml_exists() and "auth" in st.secrets)


def may_use(user: Mapping[str, Any]) -> bool:
    """Whether somebody has logged in, and is one of those whom the settings name, if any."""
    if user.get("is_logged_in") is not True:
        return False
    named = [name.strip().lower() for name in settings().accounts.split(",") if name.strip()]
    address = str(user.get("email") or "").lower()
    ours = any(address.endswith(n) if n.startswith("@") else address == n for n in named)
    return not named or (ours and user.get("email_verified") is not False)


def _is_guarded(scope: Scope) -> bool:
    by_token = is_metrics(scope) and bool(settings().metrics_token_file)
    return configured() and not by_token and scope["path"].startswith(GUARDED)


def _knows(scope: Scope) -> bool:
    cookie = _get_signed_cookie_with_chunks(HTTPConnection(scope).cookies, USER_COOKIE_NAME)
    try:
        return may_use(json.loads(cookie or b"{}"))
    except (ValueError, AttributeError):
        return False
