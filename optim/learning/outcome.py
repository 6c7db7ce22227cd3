"""What an experiment found: figures with their intervals, and what they rest on."""

from collections.abc import Callable
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from optim.errors import InputError
from optim.findings import Interval
from optim.machine.environment import cpu_name
from optim.showing import text

UNITS: dict[str, text.Show] = {
    "×": text.times,
    "ms": text.milliseconds,
    "points": lambda value: f"{value:z.2f} points",
    "%": lambda value: f"{value:z.1f} %",
    "": lambda value: f"{value:z.3g}",
}
"""Unit of a figure -> how it reads."""


class Figure(BaseModel):
    """A number that an experiment found. An exact one has an interval of no width."""

    model_config = ConfigDict(frozen=True)

    title: str
    value: Interval
    unit: str = ""
    estimated: bool = False
    """Whether an estimate went into it."""

    @property
    def shown(self) -> str:
        """With its interval, as people read it."""
        show = UNITS[self.unit]
        if self.estimated:  # its band is known, however wide: more timing would settle nothing
            return f"{text.spanned(self.value, lambda value: show(value))}, by an estimate"
        return text.spanned(self.value, show)


class Bar(BaseModel):
    """One of the things compared."""

    model_config = ConfigDict(frozen=True)

    label: str
    value: Interval
    estimated: bool = False


class Bars(BaseModel):
    """Bars that share an axis, whose title is `axis`."""

    model_config = ConfigDict(frozen=True)

    bars: tuple[Bar, ...]
    axis: str


class Outcome(BaseModel):
    """What was found, on which machine and when. `bars` share an axis, whose title is `axis`;
    `of_figures` are other bars, for the figures that those do not show.
    """

    model_config = ConfigDict(frozen=True)

    figures: dict[str, Figure]
    bars: tuple[Bar, ...] = ()
    axis: str = "ms a run"
    of_figures: dict[str, Bars] = {}
    rests_on: str = ""
    in_turns: bool = False
    """Whether what is compared was timed in turns, so that ratios are known better than times."""
    notes: tuple[str, ...] = ()
    machine: str = ""
    when: str = ""

    def drawn(self, figure: str) -> Bars:
        """The bars that show a figure."""
        return self.of_figures.get(figure) or Bars(bars=self.bars, axis=self.axis)

    def figure(self, name: str) -> Figure:
        """The figure of this name. Raises InputError where there is none."""
        if name not in self.figures:
            raise InputError(
                f"The experiment found no figure named {name!r}.",
                f"It found {', '.join(self.figures)}.",
                "experiment",
            )
        return self.figures[name]


def here(**found: object) -> Outcome:
    """An outcome of this machine, now."""
    stamp = datetime.now().strftime("%Y-%m-%d %H:%M")
    return Outcome.model_validate({**found, "machine": cpu_name(), "when": stamp})


def exact(value: float) -> Interval:
    """A number without an error."""
    return Interval(value=value, low=value, high=value)


def scaled(value: Interval, factor: float) -> Interval:
    """An interval times a positive number."""
    return Interval(value=value.value * factor, low=value.low * factor, high=value.high * factor)


Tell = Callable[[str, float], None]
"""Is told what is done, and how much of all is done, 0 to 1."""


def silent(_doing: str, _share: float) -> None:
    """Tells nobody."""


def never() -> bool:
    """Not cancelled."""
    return False
