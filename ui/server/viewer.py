"""Model Explorer, which draws graphs with figures on them, served from its own package.

Only its web application is used, none of its Python: https://github.com/google-ai-edge/model-explorer
It asks for everything at absolute addresses and for one font on the internet. Addresses are moved
under a prefix, the font is taken out, and the content security policy lets nothing else leave.
What it draws is made by the page and offered here under a number made of its content.
"""

import hashlib
import importlib.util
import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from ui.server.scripts import packed, script_answer

PREFIX = "/model-explorer"
PACKAGE = "model_explorer"
_API = f"{PREFIX}/api/v1"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; worker-src 'self' blob:; "
    "frame-src 'none'; form-action 'none'; base-uri 'self'; frame-ancestors 'self'; "
    "sandbox allow-scripts allow-same-origin allow-downloads"
)
_OURS = Path(__file__).with_name("viewer_page")
_MOST_LETTERS = 64_000_000  # ten graphs of ten thousand nodes
_BITS = 52  # numbers that JavaScript holds exactly
_INDEX = "index.html"
_MOVED = re.compile(r"""(["'(`])/(api|apipost|apistream|static_files)/""")
_OUTSIDE = re.compile(
    r"""<link rel="preconnect"[^>]*>|@font-face\{[^}]*url\(https:[^}]*\}|<base [^>]*>"""
)
_LATE_STYLE = re.compile(
    r"""( media="print")? onload="[^"]*"|<noscript>.*?</noscript>""", re.DOTALL
)
_WHOLE = (
    "this.zoomFit({x:this.webglRenderer.currentMinX,y:this.webglRenderer.currentMinZ,"
    "width:this.webglRenderer.currentMaxX-this.webglRenderer.currentMinX,"
    "height:this.webglRenderer.currentMaxZ-this.webglRenderer.currentMinZ},e,n"
)
_CHANGES = {
    # A graph that would be too small to read opens at its top, at the least size that a chosen
    # node has; the button and the key for all of it still show all of it.
    f"zoomFitGraph(e=.9,n=200){{{_WHOLE})": f"zoomFitGraph(e=.9,n=200,o=!1){{{_WHOLE},!1,!0,o)",
    "zoomFitGraph(.9,0)": "zoomFitGraph(.9,0,!0)",
    "},0):setTimeout(()=>{this.zoomFitGraph(.9,r)": (
        "},0):setTimeout(()=>{this.zoomFitGraph(.9,r,!0)"
    ),
    # An overlay takes the place of the one before it, instead of standing beside it in a list.
    'this.addRun(a,o,"",n,void 0,!1,e)': 'this.addRun(a,o,"",n,void 0,!0,e)',
    # One that was replaced while it was being loaded is not waited for.
    "let a=s[e];return a.done=!0,": "let a=s[e];if(!a)return s;return a.done=!0,",
    # It is of both graphs side by side, not only of the left one.
    "a.results[r.id]=this.processNodeDataProviderDataForGraph(r,n),": (
        "this.appService.panes().forEach(p=>{let g=p.modelGraph;"
        "g&&g.collectionLabel===r.collectionLabel&&("
        "a.results[g.id]=this.processNodeDataProviderDataForGraph(g,n),"
        "this.appService.setSelectedNodeDataProviderRunId(p.id,e))}),"
    ),
    # A node that the page asks for is selected in each pane whose graph has it, instead of the
    # graph of the selected pane being loaded into the left one.
    "let n=this.appService.getModelGraphFromSelectedPane();if(!n)return;"
    "let r=n.nodesById[e];r&&this.selectNode(r.id,n.id)": (
        "this.appService.panes().forEach((p,i)=>{let g=p.modelGraph;"
        "g?.nodesById[e]&&this.selectNode(e,g.id,void 0,i)})"
    ),
}
"""What is changed in the viewer's script, which is of one pinned version."""
_ADAPTER = {
    "type": "adapter",
    "id": "builtin_json",
    "name": "JSON",
    "description": "Graphs of this server",
    "fileExts": ["json"],
}


class _Offered:
    """JSON documents by a number made of their content; the oldest are forgotten."""

    def __init__(self) -> None:
        self._texts: OrderedDict[int, str] = OrderedDict()
        self._letters = 0
        self._lock = Lock()

    def add(self, text: str) -> int:
        number = int.from_bytes(hashlib.sha256(text.encode()).digest()) >> (256 - _BITS)
        with self._lock:
            self._letters += len(text) - len(self._texts.pop(number, ""))
            self._texts[number] = text
            while self._letters > _MOST_LETTERS and len(self._texts) > 1:
                self._letters -= len(self._texts.popitem(last=False)[1])
        return number

    def get(self, number: str) -> str | None:
        with self._lock:
            return self._texts.get(int(number)) if number.isdecimal() else None


_graphs, _overlays = _Offered(), _Offered()


def installed() -> bool:
    """Whether the package with the viewer is there."""
    return importlib.util.find_spec(PACKAGE) is not None


def offer_graphs(text: str) -> int:
    """Offer graphs, as JSON that `load_graphs_json` answers; returns their number."""
    return _graphs.add(text)


def offer_overlay(node_data: Mapping[str, Any]) -> int:
    """Offer figures of nodes, as node data by graph; returns their number."""
    return _overlays.add(json.dumps({"content": json.dumps(node_data)}))


def viewer_page(graphs: int, name: str, ui_state: Mapping[str, Any]) -> str:
    """The viewer's address for offered graphs, relative to the server.

    Two panes show two graphs; what is selected in one is then selected in the other, too, where
    that has a node of the same id. Whether it is dark is added as `theme`.
    """
    data: dict[str, Any] = {
        "models": [{"url": f"graphs://{name}/{graphs}"}],
        "uiState": ui_state,
        **({"sync": {"mode": "match_node_id"}} if len(ui_state["paneStates"]) > 1 else {}),
    }
    return f"{PREFIX}/?data={quote(json.dumps(data), safe='')}"


def overlay_path(overlay: int, name: str) -> str:
    """How the viewer is told to load an offered overlay."""
    return f"node_data://{name.replace('/', ' ')}/{overlay}"


def viewer_routes() -> list[BaseRoute]:
    """The viewer's page, its files and what it asks for; none without the package."""
    if not installed():
        return []
    return [
        Route(PREFIX + "/", _page),
        Route(f"{_API}/get_extensions", _extensions),
        Route(f"{_API}/load_graphs_json", _load_graphs),
        Route(f"{_API}/load_node_data", _load_overlay),
        Mount(f"{PREFIX}/ours", StaticFiles(directory=_OURS)),
        Mount(f"{PREFIX}/static_files", StaticFiles(directory=_folder() / "static_files")),
        Route(PREFIX + "/{file:str}", _file),
    ]


def _folder() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise RuntimeError(f"The package {PACKAGE} is not installed; run `make setup`.")
    return Path(spec.origin).parent / "web_app"


@lru_cache(maxsize=8)
def served_text(file: str) -> str:
    """A text file of the viewer as it is served: nothing in it points outside the prefix."""
    text = (_folder() / file).read_text(encoding="utf-8")
    text = _OUTSIDE.sub("", text) if file == _INDEX else text
    text = _MOVED.sub(rf"\1{PREFIX}/\2/", text)
    if file == _INDEX:
        head = (
            f'<head><base href="{PREFIX}/"><script src="ours/start.js"></script>'
            '<link rel="stylesheet" href="ours/viewer.css">'
        )
        text = _LATE_STYLE.sub("", text).replace("<head>", head, 1)
    for found, ours in _CHANGES.items():
        text = text.replace(found, ours)
    return text


async def _page(request: Request) -> Response:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
    return Response(served_text(_INDEX), headers=headers, media_type="text/html")


async def _file(request: Request) -> Response:
    known = {file.name: file for file in _files()}
    file = known.get(request.path_params["file"])
    if file is None:
        return _not_found()
    answer = await script_answer(request, file, "max-age=3600", _served)
    answer.headers["Content-Security-Policy"] = _POLICY  # of workers
    return answer


def pack_viewer() -> None:
    """Its scripts and styles, before the first browser asks for them."""
    for file in _files() if installed() else ():
        packed(file, _served)


def viewer_preloads() -> str:
    """HTML that has a browser load the viewer's scripts and styles before its frame is there."""
    link = '<link rel="preload" as="{}" href=".{}/{}">'
    kinds, files = {".js": "script", ".css": "style"}, _files() if installed() else ()
    return "".join(link.format(kinds[file.suffix], PREFIX, file.name) for file in files)


def _files() -> list[Path]:
    """Its scripts and styles."""
    return [file for kind in ("js", "css") for file in _folder().glob(f"*.{kind}")]


def _served(file: Path) -> bytes:
    return served_text(file.name).encode()


async def _extensions(request: Request) -> Response:
    return JSONResponse([_ADAPTER])


async def _load_graphs(request: Request) -> Response:
    return _offered(_graphs.get(request.query_params.get("graph_index", "")))


async def _load_overlay(request: Request) -> Response:
    return _offered(_overlays.get(request.query_params.get("node_data_index", "")))


def _offered(text: str | None) -> Response:
    if text is None:
        return _not_found()
    headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(text, headers=headers, media_type="application/json")


def _not_found() -> Response:
    return PlainTextResponse("There is no such thing; reload the page.\n", status_code=404)
