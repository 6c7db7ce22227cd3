"""What pages need is brought into memory once the server has started, before anybody asks.

Without it the first visitor waits for hundreds of modules to be imported, and for the store.
"""

import gc
import importlib
import logging
import pkgutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import streamlit.delta_generator

import ui
from optim.errors import one_line
from optim.runtimes.base import all_runtimes
from optim.targets import all_targets
from ui.server.leaving import sessions_let_go
from ui.server.scripts import pack_what_comes_first
from ui.server.viewer import pack_viewer

_logger = logging.getLogger(__name__)
_SCRIPTS = {"ui.main"}  # run by Streamlit, for each page
_BEFORE_LONG = ("optim.running.queue", "distributed", "optim.showing.graph_json")
"""Imported by pages when they need it."""


@asynccontextmanager
async def warmed(app: object) -> AsyncIterator[None]:
    """While the server runs: warm it in a thread of its own, and let go of ended sessions."""
    threading.Thread(target=warm_pages, name="warming", daemon=True).start()
    async with sessions_let_go(app):
        yield


def warm_pages() -> None:
    """Import what pages import, and open the store. What fails is left to the page that needs it.

    Modules of `ui` import each other in one direction, so that two threads may.
    """
    # At its first element Streamlit looks through the source of every module to see whether this
    # is a notebook; it takes a second, and only decides on a warning.
    streamlit.delta_generator._use_warning_has_been_displayed = True
    try:
        pack_what_comes_first()
        for name in (*_modules(), *_BEFORE_LONG):
            importlib.import_module(name)
        all_runtimes()
        all_targets()
        importlib.import_module("optim.studies.listing").list_studies()
        pack_viewer()
        gc.freeze()  # hundreds of modules stay: each look through them held every page up for 0.2 s
    except Exception as error:  # whatever a page would say of it, it says when it is opened
        _logger.info("not everything was warmed: %s", one_line(error))


def _modules() -> Iterator[str]:
    found = (info.name for info in pkgutil.walk_packages(ui.__path__, "ui."))
    return (name for name in found if name not in _SCRIPTS)
