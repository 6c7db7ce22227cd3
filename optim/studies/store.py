"""The store: Optuna's storage, where it lives, and which process owns what runs in it.

SQLite in the home folder by default (write-ahead log, so that readers never wait for the writer),
any other database by URL. An owner is a process; it holds a lock on a file of its own, which the
kernel lets go however the process ends.
"""

import atexit
import fcntl
import socket
import sqlite3
import threading
import uuid
import warnings
from functools import cache
from pathlib import Path
from typing import BinaryIO

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, RDBStorage, get_storage
from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from optim.errors import InputError, first_line
from optim.home import place
from optim.settings import settings

_BUSY_SECONDS = 30
_ONCE = threading.Lock()  # a cached function may run twice when two threads call it first


def storage() -> BaseStorage:
    """The store of the settings, opened once per process. Raises InputError if it cannot be."""
    with _ONCE:
        return _open(settings().store_url)


@cache
def _open(url: str) -> BaseStorage:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":  # SQLAlchemy would look for psycopg 3
            parsed = parsed.set(drivername="postgresql+psycopg2")
        local = parsed.get_backend_name() == "sqlite"
        options = _sqlite(parsed) if local else {"pool_pre_ping": True}
        full = parsed.render_as_string(hide_password=False)
        return get_storage(RDBStorage(full, engine_kwargs=options))
    except (SQLAlchemyError, sqlite3.Error, OSError, RuntimeError, ImportError) as error:
        raise InputError(
            f"The store at {_shown(url)} cannot be opened ({first_line(error)}).",
            "Check OPTIM_STORE and OPTIM_HOME, and that the database runs.",
            "store",
        ) from None


def _sqlite(url: URL) -> dict[str, object]:
    path = Path(url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path, timeout=_BUSY_SECONDS) as connection:
        connection.execute("PRAGMA journal_mode=WAL")  # kept in the file
    connection.close()
    return {"connect_args": {"timeout": _BUSY_SECONDS}}


def _shown(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "OPTIM_STORE"


class Owner(BaseModel):
    """A process that has taken on a trial."""

    model_config = ConfigDict(frozen=True)

    id: str
    host: str

    @property
    def alive(self) -> bool:
        """Whether the process runs; assumed of one on another host with another home folder."""
        path = _lock_file(self.id)
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return self.host != socket.gethostname()
        return False


def this_process() -> Owner:
    """This process as an owner."""
    with _ONCE:
        return _own(settings().home)[0]


@cache
def _own(home: Path) -> tuple[Owner, BinaryIO]:
    owner = Owner(id=uuid.uuid4().hex, host=socket.gethostname())
    path = _lock_file(owner.id)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    atexit.register(path.unlink, missing_ok=True)
    return owner, lock


def _lock_file(owner_id: str) -> Path:
    return place("owners", f"{owner_id}.lock")
