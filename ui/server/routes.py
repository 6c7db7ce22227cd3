"""What the server answers besides Streamlit: first paint, viewer, model files, bundles, health."""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from optim.bundles.bundle import ZIP_SUFFIX
from optim.errors import InputError
from optim.home.files import file_path
from optim.model import load_model
from optim.model.proto import DATA_FILE, MODEL_FILE
from ui.server import rooms, stamp
from ui.server.monitoring import counts
from ui.server.netron import netron_routes
from ui.server.page import page_routes
from ui.server.scripts import script_routes
from ui.server.viewer import viewer_routes

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
    "Cache-Control": "private, max-age=31536000, immutable",  # named by their content
}


def routes() -> list[BaseRoute]:
    """Every route of the application that is not Streamlit's."""
    return [
        *page_routes(),
        *netron_routes(),
        *viewer_routes(),
        Route("/models/{digest}/{file}", _model),
        Route("/bundles/{digest}/{name}", _bundle),
        *script_routes(),
        Route(stamp.news_url("{study}"), stamp.answer),
        Route(rooms.room_url("{code}"), rooms.answer),
        Route(stamp.search_url(), stamp.answer_of_searches),
        Route(stamp.class_url("{code}"), stamp.answer_of_class),
        Route("/healthz", _health),
        Route("/metrics", _metrics),
    ]


def bundle_url(digest: str, name: str) -> str:
    """Where a stored bundle is downloaded from, under the file name `name`.zip."""
    return f"/bundles/{digest}/{name}{ZIP_SUFFIX}"


async def _model(request: Request) -> Response:
    file = request.path_params["file"]
    if file not in (MODEL_FILE, DATA_FILE):
        return _not_found()
    try:
        path = load_model(request.path_params["digest"]).path.with_name(file)
    except InputError:
        return _not_found()
    return _file(path)


async def _bundle(request: Request) -> Response:
    try:
        path = file_path(request.path_params["digest"], ZIP_SUFFIX)
    except InputError:
        return _not_found()
    return _file(path, filename=request.path_params["name"])


def _file(path: Path, filename: str | None = None) -> Response:
    if not path.is_file():
        return _not_found()
    return FileResponse(
        path, headers=_HEADERS, filename=filename, media_type="application/octet-stream"
    )


def _not_found() -> Response:
    return PlainTextResponse("There is no such file.\n", status_code=404)


async def _health(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _metrics(request: Request) -> Response:
    return PlainTextResponse(await run_in_threadpool(counts))
