"""Errors meant for people: what happened, in which step, with which value, and what to do next."""

from typing import Self


class OptimError(Exception):
    """A failure that the user can act on. Its text is shown as it is, never with a stack trace.

    Args:
        what: one sentence: what happened, with the value that caused it.
        next_step: one sentence: what to do about it.
        step: the step it happened in, such as "static_int8" or "upload"; empty if none.
    """

    def __init__(self, what: str, next_step: str, step: str = "") -> None:
        super().__init__(what, next_step, step)
        self.what, self.next_step, self.step = what, next_step, step

    def __str__(self) -> str:
        prefix = f"{self.step}: " if self.step else ""
        return f"{prefix}{self.what} {self.next_step}".strip()

    def in_step(self, step: str) -> Self:
        """The same error, said to have happened in `step` unless it already names one."""
        return type(self)(self.what, self.next_step, self.step or step)


class InputError(OptimError):
    """What the user gave is at fault: a model, an EvalSet, a recipe or an option."""


class StepError(OptimError):
    """A step (a pass, a runtime, a measurement) failed on valid input."""


class Cancelled(OptimError):
    """The user cancelled the step."""
