"""The log of commands: libraries' own words are kept there, people read sentences."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from optim.home import place

_MOST_BYTES = 1_000_000


class _Silent(RotatingFileHandler):
    """It says nothing where it cannot write: a command does not fail for its log."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, logging's name
        """Nothing."""


def log_path() -> Path:
    """The file in the home folder."""
    return place("commands.log")


def log_to_file() -> logging.Handler:
    """What children log from here on goes to that file; sentences for people stay on stderr."""
    handler = _Silent(log_path(), maxBytes=_MOST_BYTES, backupCount=1, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
    logger = logging.getLogger("optim.sandbox")
    for earlier in [one for one in logger.handlers if isinstance(one, _Silent)]:
        logger.removeHandler(earlier)
    logger.addHandler(handler)
    return handler
