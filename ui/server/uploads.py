"""How much one browser session may have uploaded: the files lie in the server's memory."""

import re
from collections import Counter

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

from optim.settings import settings

_PATH = re.compile(r"/_stcore/upload_file/([^/]+)/([^/]+)/?")
_BOUNDARY = re.compile(r"boundary=\"?([\w'()+,./:=?-]{1,70})")
_FILE_NAME = re.compile(rb'filename="([^"\r\n]{1,500})"')
_HEAD_BYTES = 4096
_MB = 1_000_000
REFUSED = "application/x-refused"
"""Type of the empty file that arrives in place of one that was refused."""


class UploadQuota:
    """Refuses an upload beyond what the settings allow a session, before it is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._coming: Counter[str] = Counter()
        """Bytes of the uploads under way, by session."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        put = scope["type"] == "http" and scope["method"] == "PUT"
        match = _PATH.fullmatch(scope["path"]) if put else None
        if match is None:
            await self._app(scope, receive, send)
            return
        session, size = match[1], Headers(scope=scope).get("content-length", "")
        if not size.isdecimal():
            answer = PlainTextResponse("Say how long the file is.\n", status_code=411)
            await answer(scope, receive, send)
        elif self._coming[session] + int(size) + _held(*match.groups()) > _limit():
            await self._refuse(scope, receive, send)
        else:
            await self._pass(session, int(size), scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it arrive as an empty file of the type `REFUSED`, so that the page can say why.

        Of a request that fails Streamlit's page shows an error of its library, whatever it says.
        """
        boundary = _BOUNDARY.search(Headers(scope=scope).get("content-type", ""))
        name = _FILE_NAME.search(await _head_of_body(receive))
        if not boundary or not name:
            await PlainTextResponse(f"{too_much()}\n", status_code=413)(scope, receive, send)
            return
        body = _empty_file(boundary[1].encode(), name[1])
        headers = [(key, value) for key, value in scope["headers"] if key != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))

        async def saying() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app({**scope, "headers": headers}, saying, send)

    async def _pass(
        self, session: str, size: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._coming[session] += size
        try:
            await self._app(scope, receive, send)
        finally:
            self._coming[session] -= size
            if not self._coming[session]:
                del self._coming[session]


async def _head_of_body(receive: Receive) -> bytes:
    """The first bytes of a request's body; the others are read and forgotten."""
    head, more = b"", True
    while more:
        message = await receive()
        head += message.get("body", b"")[: _HEAD_BYTES - len(head)]
        more = message["type"] == "http.request" and message.get("more_body", False)
    return head


def _empty_file(boundary: bytes, name: bytes) -> bytes:
    """The body of a form with one empty file in it (RFC 7578)."""
    lines = [
        b"--" + boundary,
        b'Content-Disposition: form-data; name="file"; filename="' + name + b'"',
        b"Content-Type: " + REFUSED.encode(),
        *(b"", b"", b"--" + boundary + b"--", b""),
    ]
    return b"\r\n".join(lines)


def too_much() -> str:
    """What is said where a session has uploaded more than it may."""
    return (
        f"The files of this session take more than {settings().session_upload_mb:,} MB together. "
        "Remove one with its cross, or raise OPTIM_SESSION_UPLOAD_MB."
    )


def _limit() -> int:
    return settings().session_upload_mb * _MB


def _held(session: str, replaced: str) -> int:
    """Bytes that a session holds, without the file that is replaced."""
    if not runtime.exists():
        return 0
    manager = runtime.get_instance().uploaded_file_mgr
    if not isinstance(manager, MemoryUploadedFileManager):
        return 0
    files = manager.file_storage.get(session, {}).copy()
    return sum(len(file.data) for name, file in files.items() if name != replaced)
