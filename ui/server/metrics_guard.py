"""Who may read the counts for monitoring: nobody, whoever sends the token, or all."""

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from optim.home.secret_files import same, secret_in
from optim.settings import settings

METRICS_URL = "/metrics"
_PATHS = (METRICS_URL, "/_stcore/metrics")  # the second is Streamlit's own, of its caches


class MetricsGuard:
    """Refuses what the settings do not allow."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        answer = _refusal(scope) if scope["type"] == "http" and is_metrics(scope) else None
        await (answer or self._app)(scope, receive, send)


def is_metrics(scope: Scope) -> bool:
    """Whether a request is for counts."""
    return scope["path"].rstrip("/") in _PATHS


def _refusal(scope: Scope) -> PlainTextResponse | None:
    if not settings().metrics:
        return PlainTextResponse("Metrics are switched off here.\n", status_code=404)
    if not settings().metrics_token_file:
        return None
    given = Headers(scope=scope).get("Authorization", "").removeprefix("Bearer ")
    if same(given, secret_in(settings().metrics_token_file)):
        return None
    headers = {"WWW-Authenticate": "Bearer"}
    return PlainTextResponse("The token is missing or wrong.\n", status_code=401, headers=headers)
