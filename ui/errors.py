"""The one place where errors become sentences in the page. Nobody is shown a stack trace."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from optim.errors import OptimError, of_the_disk
from ui.text import plain

_GENERIC = (
    "Something went wrong while this page was made. It is in the server's log, and every result "
    "is intact. Reload the page to go on."
)


@contextmanager
def errors_shown() -> Iterator[None]:
    """Show an OptimError raised inside as its sentence and go on after the block."""
    try:
        yield
    except OptimError as error:
        show(error)


def show(error: Exception) -> None:
    """Show an error: its sentence if it is meant for people, else a generic one."""
    told = error if isinstance(error, OptimError) else of_the_disk(error)
    if told:
        st.error(plain(str(told)))
    else:
        st.error(_GENERIC)


def on_script_error(error: Exception) -> bool:
    """Streamlit's hook for what no page has caught, once it is logged. True: it has been shown."""
    show(error)
    return True
