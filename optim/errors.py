"""Errors meant for people: what happened, where, with which value, and what to do next."""

_LONGEST = 200


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


class Cancelled(OptimError):
    """The user cancelled the work."""


def first_line(error: BaseException) -> str:
    """What a library's error says in its first line; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return lines[0][:_LONGEST] if lines else type(error).__name__


def one_line(error: BaseException, longest: int = 500) -> str:
    """All that a library's error says, in one line."""
    return " ".join(str(error).split())[:longest] or type(error).__name__
