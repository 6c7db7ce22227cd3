"""What a child leaves behind, as a parent may read it that does not trust the child any more."""

import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optim.errors import StepError
from optim.home.removing import remove_tree

_MAX_RESULT_BYTES = 256 << 20
_ERROR = ("kind", "what", "next_step", "where")
_NOT_FOLLOWED = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOG_TAIL = 2000
_DEEPEST = 64  # folders in folders; none of ours comes near
_DEVICES = Path("/dev")


@contextmanager
def plain(folders: Iterable[Path]) -> Iterator[None]:
    """Take away, at the end, what leads out of the folders or is no file: links, pipes, sockets.

    A link would have this program read, or keep as a model, what the child itself may not see; a
    pipe would have it wait for ever.
    """
    try:
        yield
    finally:
        for folder in filter(Path.is_dir, own_folders(folders)):
            _clear(folder)


def own_folders(writable: Iterable[Path]) -> list[Path]:
    """The folders whose files a child makes: not the machine's devices, which some engines need."""
    return [one for one in writable if not Path(os.path.realpath(one)).is_relative_to(_DEVICES)]


def _clear(folder: Path) -> None:
    left = [(folder, 0)]
    while left:
        where, depth = left.pop()
        with suppress(OSError):  # another has just done it
            for entry in os.scandir(where):
                if not _is_plain(path := Path(entry), folder):
                    path.unlink(missing_ok=True)
                elif entry.is_dir(follow_symlinks=False):
                    remove_tree(path) if depth == _DEEPEST else left.append((path, depth + 1))


def _is_plain(path: Path, folder: Path) -> bool:
    with suppress(FileNotFoundError):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
        return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    return True


def text_in(path: Path, most: int) -> str:
    """The first bytes of a file of a child that may still run; empty where there is no such file.

    It may have put a link to what it may not see in its place, or a pipe: neither is read.
    """
    with suppress(OSError), open(path, "rb", opener=_opened) as source:
        if stat.S_ISREG(os.fstat(source.fileno()).st_mode):
            return source.read(most).decode(errors="replace")
    return ""


def put(path: Path, text: str) -> None:
    """Write a file into a child's folder, in place of whatever the child has put there."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with new.open("x") as sink:  # no link that has come meanwhile is followed
        sink.write(text)
    new.replace(path)


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | _NOT_FOLLOWED)


@contextmanager
def believed(where: str) -> Iterator[None]:
    """What a child has answered and left is read in here. Raises StepError where it is otherwise
    than such a child's: then something else has spoken for it.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, FileNotFoundError) as error:
        raise _unreadable(where) from error


def _unreadable(where: str) -> StepError:
    return StepError(
        "Its result cannot be read; it may have been written by the model itself.",
        "Try another model, or tell who made this one.",
        where,
    )


def answer_in(result: Path, where: str) -> dict[str, Any]:
    """What a child has answered: a `value`, or an `error` of four texts. Raises StepError."""
    answer = None
    with suppress(ValueError, RecursionError, OSError):
        if result.stat().st_size > _MAX_RESULT_BYTES:
            raise StepError("Its result is too large to read.", "Use a smaller model.", where)
        answer = json.loads(result.read_bytes())
    if isinstance(answer, dict) and ("value" in answer) != _is_error(answer.get("error")):
        return answer
    raise _unreadable(where)


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in _ERROR)


def last_line(log: Path) -> str:
    """The last that a child has written to its log."""
    try:
        with log.open("rb") as source:
            source.seek(-min(_LOG_TAIL, log.stat().st_size), os.SEEK_END)
            lines = source.read().decode(errors="replace").strip().splitlines()
    except OSError:  # the child has taken it away
        lines = []
    return lines[-1] if lines else "no output"
