"""Whether a store has changed since the last look, or is gone, told without reading it."""

import sqlite3
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from optim.errors import StoreLost

_STATES = "SELECT trial_id, state FROM trials WHERE study_id = ?"
_UNFINISHED = """
    SELECT trial_id, key, value_json FROM trial_user_attributes JOIN trials USING (trial_id)
    WHERE study_id = ? AND state IN ('WAITING', 'RUNNING')
    UNION ALL
    SELECT trial_id, param_name, param_value FROM trial_params JOIN trials USING (trial_id)
    WHERE study_id = ? AND state IN ('WAITING', 'RUNNING')
"""


class Changes:
    """Tells whether anything in a SQLite file has changed. Thread-safe.

    SQLite keeps a number for each connection that changes whenever another one, of whichever
    process, has committed: this connection only asks for it. Other databases have no such thing.
    """

    def __init__(self, path: Path | None) -> None:
        """Of the store in this file, which is there; of one that is no file, nothing is known."""
        self._asking = threading.Lock()
        self._path, self._identity = path, _identity(path)
        self._connection = sqlite3.connect(path, check_same_thread=False) if path else None

    def check(self) -> None:
        """Raise StoreLost where the file is no longer the one that was opened.

        What is written then is lost when this process ends.
        """
        if self._path and _identity(self._path) != self._identity:
            raise StoreLost(
                f"The store {self._path.name} was deleted or replaced while the program ran.",
                "Put it back, or start the program again: it then begins with what is there.",
                "store",
            )

    def version(self) -> object:
        """Equal to that of an earlier call only where nothing has changed in between.

        Raises as `check`.
        """
        self.check()
        if self._connection is None:
            return object()
        with self._asking:
            version: object = self._connection.execute("PRAGMA data_version").fetchone()
        return version

    def of_trials(self, study_id: int) -> Mapping[int, object] | None:
        """What tells each trial of a study, by id, from what it was: equal while it is the same.

        None where that cannot be told. Read past Optuna, which takes thirty times as long to make
        trials of a thousand that wait.
        """
        if self._connection is None:
            return None
        with self._asking:
            states = self._connection.execute(_STATES, (study_id,)).fetchall()
            known = self._connection.execute(_UNFINISHED, (study_id, study_id)).fetchall()
        found: dict[int, list[object]] = {trial: [state] for trial, state in states}
        for trial, *what in known:
            found.setdefault(trial, []).append(what)
        return found


def _identity(path: Path | None) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat() if path else None
        return (found.st_dev, found.st_ino) if found else None
    return None
