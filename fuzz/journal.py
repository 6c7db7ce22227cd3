"""What a run has tried so far, a line of JSON each: one that was stopped goes on where it was.

Runs that share the work side by side each write a file of their own, and read all of them.
"""

import json
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from optim.machine.environment import environment


class Share(NamedTuple):
    """Which part of the work a run does: the `part`-th of `parts`, from 1."""

    part: int
    parts: int

    @classmethod
    def parse(cls, text: str) -> "Share":
        """From `2/16`.

        Raises:
            ValueError: There is no such part.
        """
        part, parts = (int(number) for number in text.split("/"))
        if not 1 <= part <= parts:
            raise ValueError(f"{text}: the part must be between 1 and {parts}")
        return cls(part, parts)

    def has(self, key: str) -> bool:
        """Whether this key is of this part; every key is of exactly one."""
        return zlib.crc32(key.encode()) % self.parts == self.part - 1


WHOLE = Share(1, 1)


class Journal:
    """Lines in files, each under a key; a line that was cut off is tried again."""

    def __init__(self, folder: Path, name: str, share: Share = WHOLE) -> None:
        self._path = folder / f"{name}-{share.part}-of-{share.parts}.jsonl"
        self._share = share
        lines = [line for path in sorted(folder.glob(f"{name}-*")) for line in _lines(path)]
        self._known = {key: records for key, records, _ in lines}
        self.machines = Counter(machine for _, _, machine in lines)
        """How many of the cases were tried on each."""

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def wants(self, key: str) -> bool:
        """Whether it is for this run to try, and was not tried."""
        return key not in self and self._share.has(key)

    def records(
        self, key: str, attempt: Callable[[], Sequence[Any]], until: float
    ) -> list[dict[str, Any]]:
        """What is known under a key; tried where it is wanted, and `time.monotonic` is not there.

        Empty where another run has it to try, or there was no time.
        """
        if self.wants(key) and time.monotonic() < until:
            self.add(key, *attempt())
        return self._known.get(key, [])

    def add(self, key: str, *records: Any) -> None:
        """Keep these frozen values under the key."""
        self._known[key] = [asdict(record) for record in records]
        self.machines[_here()] += 1
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, self._known[key], _here()]) + "\n")


@cache
def _here() -> str:
    found = environment()
    return f"{found['cpu']} ({found['all_cores']} cores)"


def _lines(path: Path) -> Iterator[tuple[str, list[dict[str, Any]], str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            key, records, machine = json.loads(line)
        except ValueError:
            continue
        yield key, records, machine
