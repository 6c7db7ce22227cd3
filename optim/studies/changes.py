"""Whether a store has changed since the last look, told without reading it."""

import sqlite3
import threading
from pathlib import Path


class Changes:
    """Tells whether anything in a SQLite file has changed. Thread-safe.

    SQLite keeps a number for each connection that changes whenever another one, of whichever
    process, has committed: this connection only asks for it. Other databases have no such thing.
    """

    def __init__(self, path: Path | None) -> None:
        self._asking = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False) if path else None

    def version(self) -> object:
        """Equal to that of an earlier call only where nothing has changed in between."""
        if self._connection is None:
            return object()
        with self._asking:
            version: object = self._connection.execute("PRAGMA data_version").fetchone()
        return version
