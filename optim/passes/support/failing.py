"""Where a library fails on a model: which nodes it was, so that the rest goes on without them."""

import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from optim.arrays import Feeds
from optim.errors import OptimError
from optim.model.proto import copy_of, write_proto
from optim.passes.support.running import quiet_session

if TYPE_CHECKING:
    import onnx

_MAX_TRIES = 24  # two for each halving of some thousand nodes
_log = logging.getLogger(__name__)

T = TypeVar("T")


class _GaveUp(Exception):
    """More tries than a person would wait for."""


def without_failing(
    names: Sequence[str], attempt: Callable[[list[str]], T]
) -> tuple[T | None, tuple[str, ...]]:
    """What `attempt` makes of as many of the names as it can, and the names that it cannot take.

    The result is None where it can take none. Raises the library's own error where a bounded
    number of tries does not find them.
    """
    try:
        return attempt([*names]), ()
    except (OptimError, MemoryError):
        raise
    except Exception as error:  # of any type: a library's own failure
        _log.info("failed with %d nodes; looking for those it fails on", len(names), exc_info=True)
        failure = error
    search = _Search(attempt)
    try:
        failed = search.failing([*names])
        rest = [name for name in names if name not in failed]
        result = search.tried(rest) if rest else None
    except _GaveUp:
        raise failure from None
    if rest and result is None:
        raise failure
    return result, tuple(failed)


class _Search(Generic[T]):
    """Halving, with a bound on the tries."""

    def __init__(self, attempt: Callable[[list[str]], T]) -> None:
        self._attempt = attempt
        self._tries = 0

    def tried(self, names: list[str]) -> T | None:
        """What comes of these names; None where it fails."""
        self._tries += 1
        if self._tries > _MAX_TRIES:
            raise _GaveUp
        try:
            return self._attempt(names)
        except (OptimError, MemoryError):
            raise
        except Exception:  # of any type: which one does not matter here
            return None

    def failing(self, names: list[str]) -> list[str]:
        """Some of these names, known to fail together, without which the others work."""
        if len(names) == 1:
            return names
        halves = names[: len(names) // 2], names[len(names) // 2 :]
        found = [name for half in halves if self.tried(half) is None for name in self.failing(half)]
        return found or halves[0]  # each works alone: they fail by what they share


def check_usable(model: "onnx.ModelProto") -> None:
    """Raise what ONNX's checker or ONNX Runtime says of a model that is not valid or not opened."""
    import onnx

    with tempfile.TemporaryDirectory() as folder:  # by path, since a message over 2 GB cannot be
        write_proto(copy_of(model), path := Path(folder, "model.onnx"))
        onnx.checker.check_model(path)
        check_opens(path)


def check_opens(path: Path, sample: Feeds | None = None) -> None:
    """Raise what ONNX Runtime says of a file that it cannot open, or run on the sample if any."""
    if sample is None:
        quiet_session(str(path))
    else:  # as engines run it: what is fused has limits of its own
        quiet_session(str(path), "ORT_ENABLE_ALL").run(None, sample)
