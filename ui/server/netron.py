"""Netron, the graph viewer, served from its own package without a word to the internet.

As published, its page asks for consent to telemetry, reports to Google, and stops working 180 days
after its release. Version 0.0.0 without a date switches all three off; the consent cookie and the
content security policy make sure of it. Model files are hostile input: the policy also keeps
anything in them from running scripts or leaving the page.
"""

import importlib.util
import re
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

PREFIX = "/netron"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; "
    "sandbox allow-scripts allow-same-origin allow-downloads"
)
_STILL = """// The viewer takes the focus once it has drawn; the page around shall not jump there.
const focus = HTMLElement.prototype.focus;
HTMLElement.prototype.focus = function (options) {
  focus.call(this, { preventScroll: true, ...options });
};
"""
_BRACKETS = {r"\u3008": r"\u2039", r"\u3009": r"\u203a"}
"""Around shapes: ones that only fonts for Chinese or Japanese have, and ones that all have."""
_CONSENT = f"consent=1; Path={PREFIX}; SameSite=Strict"


def viewer_url(digest: str, name: str) -> str:
    """The viewer's address for a stored model, relative to the server."""
    # Netron resolves the model's address against its own page and tells formats by the suffix.
    return f"{PREFIX}/?url=../models/{digest}/model.onnx&identifier={quote(name, safe='')}.onnx"


def netron_routes() -> list[Route | Mount]:
    """The viewer's page and its static files."""
    return [
        Route(PREFIX + "/", _index),
        Route(PREFIX + "/index.html", _index),
        Route(PREFIX + "/still.js", _still),
        Route(PREFIX + "/view.js", _view),
        Mount(PREFIX, StaticFiles(directory=_folder())),
    ]


def _folder() -> Path:
    spec = importlib.util.find_spec("netron")
    if spec is None or spec.origin is None:
        raise RuntimeError("The package netron is not installed; run `make setup`.")
    return Path(spec.origin).parent


def index_page() -> str:
    """Netron's page with its version and date taken out, and a script of ours before its own."""
    text = (_folder() / "index.html").read_text(encoding="utf-8")
    text = re.sub(r'(<meta name="version" content=")[^"]*', r"\g<1>0.0.0", text)
    text = re.sub(r'<meta name="date"[^>]*>\n?', "", text)
    return text.replace("<head>", '<head>\n<script src="still.js"></script>', 1)


def view_script() -> str:
    """Netron's own, its shapes between brackets that any font has."""
    text = (_folder() / "view.js").read_text(encoding="utf-8")
    for theirs, ours in _BRACKETS.items():
        text = text.replace(theirs, ours)
    return text


async def _index(request: Request) -> Response:
    headers = {
        "Content-Security-Policy": _POLICY,
        "Set-Cookie": _CONSENT,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(index_page(), headers=headers)


async def _still(request: Request) -> Response:
    return Response(_STILL, media_type="text/javascript")


async def _view(request: Request) -> Response:
    return Response(view_script(), media_type="text/javascript")
