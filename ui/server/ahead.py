"""What pages need, made ready once the server is up: the first one opens as soon as all others.

Without it the first visitor waits for some 600 modules to be imported, and for the store.
"""

import importlib
import pkgutil
from threading import Thread

import streamlit.delta_generator
from streamlit.logger import get_logger

import ui
from optim.errors import OptimError
from optim.runtimes.base import all_runtimes
from optim.studies.store import storage
from optim.targets import all_targets

_SCRIPT = "ui.main"  # Streamlit runs it; imported, it would run at once


def make_ready() -> None:
    """Begin with it, beside what the server does."""
    Thread(target=_make_ready, name="ahead", daemon=True).start()


def _make_ready() -> None:
    # At its first element Streamlit looks through the source of every module to see whether this
    # is a notebook; it takes a second, and only decides on a warning.
    streamlit.delta_generator._use_warning_has_been_displayed = True
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        if module.name != _SCRIPT:
            importlib.import_module(module.name)
    all_runtimes()
    all_targets()
    try:
        storage()
    except OptimError as error:  # the page that needs it says so
        get_logger(__name__).warning("%s", error)
