"""Errors meant for people: what happened, where, with which value, and what to do next."""

import errno
from collections.abc import Iterator

_LONGEST = 200
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED = frozenset({errno.EACCES, errno.EPERM})
_ANOTHER_HOME = (
    "Give the user who runs this the right to read and write there; OPTIM_HOME names another home "
    "folder."
)
_SAID_OF_FULL = ("disk is full", "No space left on device")
_SQLITE_UNWRITABLE = "readonly database"


class OptimError(Exception):
    """A failure that the user can act on. Its text is shown as it is, never with a stack trace.

    Args:
        what: one sentence: what happened, with the value that caused it.
        next_step: one sentence: what to do about it.
        where: what it happened in, such as "static_int8" or "upload"; empty if none.
    """

    def __init__(self, what: str, next_step: str, where: str = "") -> None:
        super().__init__(what, next_step, where)
        self.what, self.next_step, self.where = what, next_step, where

    def __str__(self) -> str:
        prefix = f"{self.where}: " if self.where else ""
        return f"{prefix}{self.what} {self.next_step}".strip()


class InputError(OptimError):
    """What the user gave is at fault: a model, an EvalSet, a recipe or an option."""


class StepError(OptimError):
    """Work on valid input failed: a pass, a runtime, a measurement."""


class DiskError(StepError):
    """The disk is full or may not be written to: no fault of what was worked on."""


class CrowdedError(StepError):
    """All steps together took too much memory: no fault of what was worked on."""


class StoreLost(InputError):
    """The file in which studies are kept was taken away, or another one lies in its place."""


class Cancelled(OptimError):
    """The user cancelled the work."""


def first_line(error: BaseException) -> str:
    """What a library's error says in its first line; its type where it says nothing.

    Of values that do not fit a model of pydantic, which lists them below a heading: the first.
    """
    lines = (_misfit(error) or str(error).strip()).splitlines()
    return lines[0][:_LONGEST] if lines else type(error).__name__


def _misfit(error: BaseException) -> str:
    """`settings.threads: Input should be greater than 0`; empty for an error of another kind."""
    faults = getattr(error, "errors", None)  # by its form: this module stays free of libraries
    if not callable(faults) or not (listed := faults()):
        return ""
    place = ".".join(map(str, listed[0]["loc"]))
    return ": ".join(filter(None, (place, listed[0]["msg"])))


def one_line(error: BaseException, longest: int = 500) -> str:
    """All that a library's error says, in one line."""
    return " ".join(str(error).split())[:longest] or type(error).__name__


def disk_is_full(path: object = None) -> DiskError:
    """What to say where there is no space left."""
    where = f" ({path})" if path else ""
    return DiskError(
        f"The disk is full{where}.",
        "Free some space; what is kept already is intact, and work then goes on.",
    )


def of_the_disk(error: BaseException) -> DiskError | None:
    """What to say where an error means that nothing can be written; else None.

    Libraries wrap such errors in their own, so that their causes are looked at too.
    """
    for one in _causes(error):
        code, text = getattr(one, "errno", None), str(one)
        if code in _FULL or any(said in text for said in _SAID_OF_FULL):
            return disk_is_full(getattr(one, "filename", None))
        if code == errno.EROFS or _SQLITE_UNWRITABLE in text:
            return DiskError(f"Nothing can be written there{_which(one)}.", _ANOTHER_HOME)
        if code in _REFUSED:
            return DiskError(f"The system refuses access{_which(one)}.", _ANOTHER_HOME)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _which(error: BaseException) -> str:
    path = getattr(error, "filename", None)
    return f" ({path})" if path else ""
