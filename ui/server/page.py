"""The page in which Streamlit runs, with our style and with something on it from the start.

Streamlit's scripts take a second or two to load and to ask for what a page shows; a blank screen
says nothing meanwhile, and a style that comes with the page lets it jump.
"""

from functools import partial
from html import escape
from pathlib import Path

import streamlit
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from optim.ingest.samples import list_samples
from ui.navigation import HEADLINE, PAGES, TITLE, Page
from ui.server.scripts import asked_for_soon
from ui.server.viewer import viewer_preloads
from ui.vendored import SMALL_PLOTLY_URL

_INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
_CHART = "explore"  # the page with the live chart: its script is read while the page is asked for
_GRAPH = "graph"  # the page with the viewer
_SERVER = "<script>window.__streamlit={BACKEND_BASE_URL:new URL('.',location).href}</script>"
"""Where its server is: it would ask beneath the page's own address first, in vain."""


def page_routes() -> list[BaseRoute]:
    """Every page under its address, the first one under `/`."""
    first, *others = PAGES
    return [
        Route("/", partial(_answer, text=_html(first, HEADLINE))),
        *(
            Route(f"/{page.name}", partial(_answer, text=_html(page, page.title)))
            for page in others
        ),
    ]


async def _answer(request: Request, text: str) -> Response:
    return HTMLResponse(text, headers={"Cache-Control": "no-cache"})


def _html(page: Page, heading: str) -> str:
    additions = {
        "<title>Streamlit</title>": f"<title>{page.title} · {TITLE}</title>",
        "</head>": f"{_head(page)}</head>",
        "<body>": f"<body>{_first_paint(page, heading)}",
    }
    text = _INDEX.read_text(encoding="utf-8")
    for old, new in additions.items():
        text = text.replace(old, new, 1)
    return text


def _head(page: Page) -> str:
    plotly = f'<script async src=".{SMALL_PLOTLY_URL}"></script>' if page.name == _CHART else ""
    viewer = viewer_preloads() if page.name == _GRAPH else ""
    return f"<style>{_beside('.css')}</style>{_SERVER}{asked_for_soon(page.name)}{plotly}{viewer}"


def _beside(suffix: str) -> str:
    return Path(__file__).with_suffix(suffix).read_text(encoding="utf-8")


def _first_paint(page: Page, heading: str) -> str:
    titles = "".join(f"<span>{escape(each.title)}</span>" for each in PAGES)
    first = page is PAGES[0]
    kind = "samples" if first else ""
    return (
        f'<div id="first-paint" class="{kind}"><nav aria-hidden="true">{titles}</nav>'
        f'<b>{escape(heading)}</b><p role="status">Opening {escape(page.title)} ...</p><i></i>'
        f"{_samples() if first else ''}</div>"
    )


def _samples() -> str:
    """What the start page begins with, to be read and clicked while the rest is on its way."""
    cards = "".join(
        f"<li><strong>{escape(one.title)}</strong><span>{escape(one.summary)}</span>"
        f'<button data-opens="{escape(f"Open {one.title}")}">{escape(f"Open {one.title}")}</button>'
        for one in list_samples()
    )
    return f"<ul>{cards}</ul><script>{_beside('.js')}</script>"
