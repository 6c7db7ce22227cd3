"""What every picture is: a frozen value that draws live data of a sample, one file each."""

from abc import abstractmethod
from dataclasses import dataclass

import plotly.graph_objects as go

from optim.learning.named import Named, found_in


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


def all_pictures() -> dict[str, type[Picture]]:
    """Every picture by name."""
    return found_in("optim.learning.pictures", Picture)
