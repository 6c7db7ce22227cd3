"""What every picture is: a frozen value that draws live data of a sample, one file each."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from optim import sandbox
from optim.learning.named import Named, found_in
from optim.learning.outcome import never
from optim.machine.environment import cores_for
from optim.machine.lock import machine_to_itself


@dataclass(frozen=True)
class Panel:
    """One step of a picture: what it shows, and a sentence or two on what to see in it."""

    title: str
    figure: go.Figure
    says: str


class Picture(Named):
    """A picture of live data: nothing in it is written down beforehand."""

    @abstractmethod
    def draw(self) -> tuple[Panel, ...]:
        """Its panels, looked at one after the other. Raises StepError where a model fails."""


def timed_in_child(
    function: sandbox.Function, argument: dict[str, Any], files: sandbox.Files | None = None
) -> Any:
    """Call a function that times something: in a child on one core, while nothing else is timed."""
    with machine_to_itself(never):
        return sandbox.call(
            function,
            argument,
            where="picture",
            files=files or sandbox.Files(),
            cpus=cores_for(1),
            for_timing=True,
        )


def all_pictures() -> dict[str, type[Picture]]:
    """Every picture by name."""
    return found_in("optim.learning.pictures", Picture)
