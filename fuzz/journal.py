"""What a run has tried so far, a line of JSON each: one that was stopped goes on where it was."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any


class Journal:
    """Lines in a file, each under a key; a line that was cut off is tried again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = dict(_lines(path)) if path.exists() else {}

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def __getitem__(self, key: str) -> list[dict[str, Any]]:
        """The records under a key.

        Raises:
            KeyError: None was added under it.
        """
        return self._known[key]

    def add(self, key: str, *records: Any) -> None:
        """Keep these frozen values under the key."""
        self._known[key] = [asdict(record) for record in records]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, self._known[key]]) + "\n")


def _lines(path: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            key, records = json.loads(line)
        except ValueError:
            continue
        yield key, records
