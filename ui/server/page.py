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
from ui.vendored import SMALL_PLOTLY_URL

_INDEX = Path(streamlit.__file__).parent / "static" / "index.html"
_CHART = "explore"  # the page with the live chart: its script is read while the page is asked for
_STYLE = Path(__file__).with_name("page.css")


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
    scripts = f'<script async src=".{SMALL_PLOTLY_URL}"></script>' if page.name == _CHART else ""
    additions = {
        "<title>Streamlit</title>": f"<title>{page.title} · {TITLE}</title>",
        "</head>": f"<style>{_STYLE.read_text(encoding='utf-8')}</style>{scripts}</head>",
        "<body>": f"<body>{_first_paint(page, heading)}",
    }
    text = _INDEX.read_text(encoding="utf-8")
    for old, new in additions.items():
        text = text.replace(old, new, 1)
    return text


def _first_paint(page: Page, heading: str) -> str:
    titles = "".join(f"<span>{escape(each.title)}</span>" for each in PAGES)
    return (
        f'<div id="first-paint" role="status"><nav aria-hidden="true">{titles}</nav>'
        f"<b>{escape(heading)}</b><p>Opening {escape(page.title)} ...</p><i></i>"
        f"{_samples() if page is PAGES[0] else ''}</div>"
    )


def _samples() -> str:
    """What the start page begins with, to be read while the rest is on its way."""
    cards = "".join(
        f"<li><strong>{escape(one.title)}</strong><span>{escape(one.summary)}</span></li>"
        for one in list_samples()
    )
    return f'<ul aria-hidden="true">{cards}</ul>'
