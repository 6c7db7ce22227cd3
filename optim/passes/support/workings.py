"""What builds of one Model work out alike, kept as files from one build to the next.

A build runs in a child. It may read what earlier builds of the same Model left, and leaves what it
worked out itself in a folder of its own, from which the parent takes it. Nothing passes from one
Model's builds to another's.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 1 << 29
"""Of one of them: what is larger is worked out again."""
_MOST = 12
"""Files kept for one Model; the oldest goes first."""
_in_use: ContextVar["Workings | None"] = ContextVar("workings", default=None)


@dataclass(frozen=True)
class Workings:
    """The folder that builds before this one have filled, and the one that this build fills."""

    known: Path
    new: Path

    def made(self) -> tuple[str, str]:
        """Both folders are there now; as a child takes them."""
        for folder in (self.known, self.new):
            folder.mkdir(parents=True, exist_ok=True)
        return str(self.known), str(self.new)


@contextmanager
def used(workings: Workings | None) -> Iterator[None]:
    """What runs inside finds and keeps workings there; outside nothing is kept."""
    token = _in_use.set(workings)
    try:
        yield
    finally:
        _in_use.reset(token)


def worked_out(depends: Iterable[bytes | str], make: Callable[[], bytes]) -> bytes:
    """What `make` gives; worked out once for all builds of a Model.

    Args:
        depends: all that it depends on.
    """
    if not (workings := _in_use.get()):
        return make()
    name = _digest(depends)
    for folder in (workings.new, workings.known):
        with suppress(FileNotFoundError):
            return (folder / name).read_bytes()
    made = make()
    if len(made) <= MAX_BYTES:
        (workings.new / name).write_bytes(made)
    return made


def _digest(parts: Iterable[bytes | str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def taken_over(workings: Workings) -> None:
    """The parent's side: move what a build has left to what is known, and keep the newest."""
    for path in filter(Path.is_file, workings.new.iterdir()):
        path.replace(workings.known / path.name)
    with suppress(FileNotFoundError):  # another build has just taken the oldest away
        for path in sorted(workings.known.iterdir(), key=lambda path: path.stat().st_mtime)[
            :-_MOST
        ]:
            path.unlink()
