"""Scripts and styles that browsers load: packed once, and asked for before they are missed.

Streamlit sends its own unpacked, and a browser learns which of them a page needs only when the
page's elements come.
"""

import gzip
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import streamlit
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.vendored import SMALL_PLOTLY_URL, scripts

ELEMENTS = ("BidiComponent", "Button", "Checkbox", "PageLink", "Selectbox", "TextInput")
"""Modules of Streamlit's that nearly every page here needs."""
MORE = {
    "explore": ("Multiselect", "Slider", "recordbatch", "Html", "Metric", "NumberInput"),
    "graph": ("ButtonGroup", "recordbatch"),
}
"""Those that a page needs besides."""
_STATIC = Path(streamlit.__file__).parent / "static"
_KINDS = {"js": "text/javascript", "css": "text/css"}
_IMPORTED = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')
_FOREVER = "public, max-age=31536000, immutable"  # named by their content
_A_DAY = "max-age=86400"
_LEVEL = 6  # of packing: more of it brings a four-hundredth and takes a third longer


def script_routes() -> list[BaseRoute]:
    """Plotly's scripts."""
    return [
        Route(url, partial(script_answer, file=file, keep=_A_DAY))
        for url, file in scripts().items()
    ]


def asked_for_soon(page: str) -> str:
    """HTML that has a browser load modules of elements with those that Streamlit begins with."""
    link = '<link rel="modulepreload" crossorigin href="./static/js/{}">'
    return "".join(link.format(name) for name in _soon(page))


def pack_what_comes_first() -> None:
    """Before the first browser asks for it."""
    soon = {name for page in MORE for name in _soon(page)}
    for file in _files().values():
        if file.name in _begun() or file.name in soon:
            packed(file)
    packed(scripts()[SMALL_PLOTLY_URL])


@cache
def _begun() -> str:
    """Streamlit's page, which names the scripts that it begins with."""
    return (_STATIC / "index.html").read_text(encoding="utf-8")


@cache
def _soon(page: str) -> tuple[str, ...]:
    """Modules of the page's elements and those that they import, but for what it begins with."""
    folder, found = _STATIC / "static" / "js", dict[str, None]()
    elements = (*ELEMENTS, *MORE.get(page, ()))
    waiting = [file.name for one in elements for file in folder.glob(f"{one}.*.js")]
    while waiting:
        name = waiting.pop()
        if name not in found and name not in _begun():
            found[name] = None
            waiting += _IMPORTED.findall((folder / name).read_text(encoding="utf-8"))
    return tuple(found)


class PackedScripts:
    """Answers for Streamlit's scripts and styles, whose addresses Streamlit lets no route have."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        file = _files().get(scope["path"]) if scope["type"] == "http" else None
        answer = await script_answer(Request(scope), file, _FOREVER) if file else self._app
        await answer(scope, receive, send)


@cache
def _files() -> dict[str, Path]:
    """Streamlit's scripts and styles, by address."""
    folders = (_STATIC / "static" / kind for kind in _KINDS)
    files = (file for folder in folders for file in folder.iterdir())
    return {f"/{file.relative_to(_STATIC)}": file for file in files}


async def script_answer(
    request: Request, file: Path, keep: str, read: Callable[[Path], bytes] = Path.read_bytes
) -> Response:
    """A script or style, packed where the browser can unpack it.

    Args:
        keep: `Cache-Control`.
        read: what is served of the file.
    """
    headers = {"Cache-Control": keep, "Vary": "Accept-Encoding"}
    packs = "gzip" in request.headers.get("Accept-Encoding", "")
    if packs:
        headers |= {"Content-Encoding": "gzip"}
    content = await run_in_threadpool(partial(packed, read=read) if packs else read, file)
    return Response(content, headers=headers, media_type=_KINDS[file.suffix[1:]])


@cache
def packed(file: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> bytes:
    """What is served of a file, packed once."""
    return gzip.compress(read(file), _LEVEL, mtime=0)
