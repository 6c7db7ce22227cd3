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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, RDBStorage, get_storage
from pydantic import BaseModel, ConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from optim.errors import InputError, first_line
from optim.home import place
from optim.settings import settings
from optim.studies.changes import Changes

_BUSY_SECONDS = 30
_CANNOT_OPEN = (
    *(SQLAlchemyError, sqlite3.Error, OSError),
    *(RuntimeError, ValueError, ImportError),
)
_ONCE = threading.Lock()  # a cached function may run twice when two threads call it first


def storage() -> BaseStorage:
    """The store of the settings, opened once per process.

    Raises InputError if it cannot be opened, StoreLost if it is no longer the file that was.
    """
    return _opened().storage


def changes() -> Changes:
    """What tells whether anything in the store of the settings has changed. Raises as `storage`."""
    return _opened().changes


def _opened() -> "_Opened":
    with _ONCE:
        opened = _open(settings().store_url)
    opened.changes.check()
    return opened


class _Opened(NamedTuple):
    storage: BaseStorage
    changes: Changes


@cache
def _open(url: str) -> _Opened:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.filterwarnings("ignore", category=ExperimentalWarning)
    try:
        parsed = make_url(url)
        if parsed.drivername == "postgresql":  # SQLAlchemy would look for psycopg 3
            parsed = parsed.set(drivername="postgresql+psycopg2")
        full = parsed.render_as_string(hide_password=False)
        if parsed.get_backend_name() != "sqlite":
            made = get_storage(RDBStorage(full, engine_kwargs={"pool_pre_ping": True}))
            return _Opened(made, Changes(None))
        path = Path(parsed.database or "")
        with _one_at_a_time(path):
            _forget_lost(path)
            made = get_storage(RDBStorage(full, engine_kwargs=_sqlite(path)))
        return _Opened(made, Changes(path))
    except _CANNOT_OPEN as error:
        raise InputError(
            f"The store at {_shown(url)} cannot be opened ({first_line(_origin(error))}).",
            "Check OPTIM_STORE and OPTIM_HOME, and that the database runs.",
            "store",
        ) from None


def _origin(error: Exception) -> Exception:
    """What the database said, without the name that SQLAlchemy puts before it."""
    return getattr(error, "orig", None) or error


def _forget_lost(path: Path) -> None:
    """Delete what SQLite keeps beside a file that is gone: a server that holds it would block."""
    for end in () if path.exists() else ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    """Let one process make the tables of a new file; another one then finds them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sqlite(path: Path) -> dict[str, object]:
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
    _sweep(path.parent)
    new = path.with_suffix(".new")  # locked before anybody can take it for one left behind
    lock = new.open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    lock.write(owner.host.encode())
    lock.flush()
    new.replace(path)
    atexit.register(path.unlink, missing_ok=True)
    return owner, lock


def _sweep(folder: Path) -> None:
    """Remove the locks of this host's processes that have ended.

    Those of other hosts stay: without its lock an owner elsewhere would be taken for alive.
    """
    for path in folder.glob("*.lock"):
        with suppress(OSError), path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if lock.read() == socket.gethostname().encode():
                path.unlink()


def _lock_file(owner_id: str) -> Path:
    return place("owners", f"{owner_id}.lock")
