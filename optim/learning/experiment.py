"""What every experiment is: a frozen value that measures on a sample, one file each."""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self

from pydantic import Field

from optim.learning.named import Named, found_in
from optim.learning.outcome import Outcome, Tell, never, silent

_MOST_PROCESSES = 20
_LONGER = 4  # times as many processes: intervals of about half the width


class Experiment(Named):
    """Something that is measured on this machine and decides what was predicted."""

    figures: ClassVar[tuple[str, ...]]
    """Names of the figures that a question may ask for."""

    processes: int = Field(
        default=4, ge=1, le=_MOST_PROCESSES, description="Processes that are timed."
    )
    seconds: float = Field(default=1.0, gt=0, le=20, description="Timing in each of them.")

    @property
    @abstractmethod
    def does(self) -> str:
        """What it does, in one sentence."""

    @abstractmethod
    def run(self, tell: Tell = silent, cancelled: Callable[[], bool] = never) -> Outcome:
        """Measure. Raises StepError or InputError in sentences; Cancelled."""

    def longer(self) -> Self | None:
        """The same in more processes, for narrower intervals; None where it settles no more."""
        if self.processes >= _MOST_PROCESSES:
            return None
        most = min(_MOST_PROCESSES, _LONGER * self.processes)
        return self.model_copy(update={"processes": most})

    def briefly(self) -> "Experiment":
        """The same with the least of timing: for tests and for trying a lesson out."""
        return self.model_copy(update={"processes": 1, "seconds": 0.05})


def all_experiments() -> dict[str, type[Experiment]]:
    """Every experiment by name."""
    return found_in("optim.learning.experiments", Experiment)
