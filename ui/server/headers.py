"""Headers of every response: no other site may show these pages in a frame, or guess their types.

Somebody else's page could otherwise lay itself over ours and have its visitors click in it.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = "Content-Security-Policy"
_FRAMES = "frame-ancestors"
_OWN_FRAMES = f"{_FRAMES} 'self'"
_OTHERS = {
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


class GuardedHeaders:
    """Adds to a response what it does not say itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                _guard(MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, guarded)


def _guard(headers: MutableHeaders) -> None:
    policy = headers.get(_POLICY, "")
    if _FRAMES not in policy:
        headers[_POLICY] = f"{policy}; {_OWN_FRAMES}" if policy else _OWN_FRAMES
    for name, value in _OTHERS.items():
        headers.setdefault(name, value)
