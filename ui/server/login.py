"""A password before everything that the server answers, where the settings name one.

Who has given it gets a signed cookie. The key lives as long as the server: after a restart people
give the password again, and what has logged out stays out.
"""

import asyncio
import secrets
import time
from collections import defaultdict, deque
from html import escape
from urllib.parse import parse_qs

from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from optim.home.secret_files import same
from optim.settings import settings
from ui.server.metrics_guard import is_metrics

LOGIN_URL, LOGOUT_URL = "/login", "/logout"
COOKIE = "optim_login"
_OPEN = ("/healthz",)
_SECONDS = 12 * 3600
_LONGEST_FORM = 10_000
_TRIES, _WINDOW_SECONDS = 10, 60
_MOST_CLIENTS = 10_000
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'"
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 22rem; margin: 15vh auto; padding: 0 1rem;
  color: #1b2430; background: #fff; }} h1 {{ font-size: 1.2rem; }}
input, button {{ font: inherit; padding: .4rem .7rem; width: 100%; box-sizing: border-box; }}
button {{ margin-top: .7rem; background: #0b6e99; color: #fff; border: 0; border-radius: 6px; }}
</style></head><body><h1>{title}</h1><p role="status">{said}</p>
<form method="post" action="{action}">{fields}<button>{button}</button></form></body></html>"""


class Login:
    """Lets through who has given the password."""

    def __init__(self, app: ASGIApp, password: str) -> None:
        self._app, self._password = app, password
        self._signer = TimestampSigner(secrets.token_bytes(32), salt=COOKIE)
        self._left: set[str] = set()
        """What cookies that have logged out before their time were signed for."""
        self._wrong: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_TRIES))
        """When somebody at an address gave a wrong password."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or WebSocket."""
        if scope["type"] not in ("http", "websocket") or self._may_pass(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            answer = await self._answer(Request(scope, receive))
            await answer(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        path = scope["path"]
        if path in (LOGIN_URL, LOGOUT_URL):
            return False
        by_token = is_metrics(scope) and bool(settings().metrics_token_file)
        return path in _OPEN or by_token or self._knows(HTTPConnection(scope))

    def _knows(self, request: HTTPConnection) -> bool:
        given = self._signed(request)
        return bool(given) and given not in self._left

    def _signed(self, request: HTTPConnection) -> str:
        """What the request's cookie was signed for; empty where this server did not sign it.

        Several spellings of one signature are valid, so that the cookie itself tells nobody apart.
        """
        try:
            cookie = request.cookies.get(COOKIE, "")
            return self._signer.unsign(cookie, max_age=_SECONDS).decode()
        except BadSignature:
            return ""

    async def _answer(self, request: Request) -> Response:
        path, post = request.url.path, request.method == "POST"
        if path == LOGOUT_URL:
            return self._log_out(request) if post else _ask_to_leave()
        if path == LOGIN_URL and post:
            return await self._log_in(request)
        if "text/html" not in Headers(scope=request.scope).get("accept", ""):
            return PlainTextResponse("Log in first.\n", status_code=401)
        wanted = f"{path}?{request.url.query}" if request.url.query else path
        return _form("", "/" if path == LOGIN_URL else wanted)

    async def _log_in(self, request: Request) -> Response:
        given = await _fields(request)
        wanted = _own_path(given.get("next", ""))
        client = request.client.host if request.client else ""
        if self._tries_too_often(client):
            return _form("Too many tries. Wait a minute.", wanted, status=429)
        if not same(given.get("password", ""), self._password):
            self._wrong[client].append(time.monotonic())
            await asyncio.sleep(0.5)
            return _form("This is not the password.", wanted)
        answer = RedirectResponse(wanted, status_code=303)
        value = self._signer.sign(secrets.token_urlsafe(16)).decode()
        secure = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE, value, max_age=_SECONDS, httponly=True, samesite="lax", secure=secure
        )
        return answer

    def _tries_too_often(self, client: str) -> bool:
        if len(self._wrong) > _MOST_CLIENTS:
            self._wrong.clear()
        tries, now = self._wrong[client], time.monotonic()
        return len(tries) == _TRIES and now - tries[0] < _WINDOW_SECONDS

    def _log_out(self, request: Request) -> Response:
        if self._knows(request):
            self._left.add(self._signed(request))
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return answer


async def _fields(request: Request) -> dict[str, str]:
    """The fields of a form, if it is not longer than one of ours can be."""
    body = b""
    async for block in request.stream():
        body += block
        if len(body) > _LONGEST_FORM:
            return {}
    return {name: values[-1] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _own_path(wanted: str) -> str:
    """Where to go on: an address of this server, whatever a form has been made to say."""
    own = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if own else "/"


def _form(said: str, wanted: str, status: int = 401) -> Response:
    fields = (
        '<input type="password" name="password" aria-label="Password" autofocus required '
        'autocomplete="current-password">'
        f'<input type="hidden" name="next" value="{escape(wanted)}">'
    )
    return _page(
        "Inference Optimization Explorer",
        said or "This server asks for its password.",
        (LOGIN_URL, fields, "Log in"),
        status,
    )


def _ask_to_leave() -> Response:
    return _page("Log out", "Trials go on without you.", (LOGOUT_URL, "", "Log out"), 200)


def _page(title: str, said: str, form: tuple[str, str, str], status: int) -> Response:
    action, fields, button = form
    text = _PAGE.format(title=title, said=said, action=action, fields=fields, button=button)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": _POLICY}
    return HTMLResponse(text, status_code=status, headers=headers)
