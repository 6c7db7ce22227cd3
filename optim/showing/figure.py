"""What a figure of a trial is: read from what is known, shown with its unit, in its places."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from math import inf
from typing import Literal, Protocol

from optim.build.child import PassReport
from optim.findings import Interval
from optim.judging.quality import Quality
from optim.showing import text
from optim.targets.estimate import Estimate
from optim.timing.measurement import Summary


class Where(Flag):
    """The places that show figures."""

    AXIS = auto()
    """An axis of the trade-off chart can be this."""
    HEADLINE = auto()
    """Large, on top of what is said of a trial."""
    PANEL = auto()
    """The list of all figures of the chosen trial."""
    COLUMN = auto()
    """The page's table of trials, beside the recipe."""
    LAST_COLUMN = auto()
    """The page's table of trials, at its end."""
    INTERVAL = auto()
    """Its interval has a column of its own, after it."""
    COMPARE = auto()
    """The comparison of several trials."""
    REPORT = auto()
    """The report in a bundle."""
    TERMINAL = auto()
    """The command line's table."""


class Known(Protocol):
    """What figures are read from: a trial, or what a bundle holds of one."""

    @property
    def summary(self) -> Summary | None: ...
    @property
    def estimate(self) -> Estimate | None: ...
    @property
    def quality(self) -> Quality | None: ...
    @property
    def size_bytes(self) -> int | None: ...
    @property
    def reports(self) -> tuple[PassReport, ...]: ...
    @property
    def finished(self) -> bool: ...
    @property
    def unsettled(self) -> bool: ...


@dataclass(frozen=True)
class Reading:
    """How a figure is read: from which of a trial's findings, and how its value is got.

    `or_estimate`: where nothing was measured, it is the estimate's.
    """

    source: Literal["summary", "quality", ""]
    get: Callable[[Known], Interval | None]
    or_estimate: bool = False


@dataclass(frozen=True)
class TrialFigure:
    """One figure of a trial, read in the unit that it is stored in.

    `show` writes a value with its unit. Where numbers must share one unit, on axes and in columns,
    they are `scale` times the stored ones, in `unit`.
    """

    name: str
    title: str
    reading: Reading
    show: text.Show
    where: Where
    unit: str = ""
    scale: float = 1.0
    higher_is_better: bool = False
    short: str = ""
    """Its title where there is little room."""
    column_format: str = "%.4g"
    about: str = ""
    none: str = ""
    """What to call a value that is certainly 0."""
    so_far: str = ""
    """What it is known on, while that is not all of it."""
    whole: bool = False
    """Whether it counts something, so that it is no fraction."""
    least: float = 0.0
    """The least that it can be, and the most: an axis stops there. In the unit stored."""
    most: float = inf
    key: str = ""
    """Its key in the command line's JSON."""
    ci_key: str = ""
    """That of its interval's ends."""

    def of(self, known: Known) -> Interval | None:
        """Its value with its 95 % interval (no wider than the value where there is none)."""
        found = self.reading.get(known)
        if found and self._is_unsettled(known):
            return Interval(value=found.value, low=found.value, high=found.value)
        return found

    def scaled(self, known: Known) -> Interval | None:
        """The same in `unit`."""
        found, by = self.of(known), self.scale
        if found is None or by == 1:
            return found
        return Interval(value=by * found.value, low=by * found.low, high=by * found.high)

    def text(self, known: Known) -> str:
        """Its value with its interval in words; empty where it is not known."""
        found = self.of(known)
        if found is None:
            return ""
        if self.none and not any((found.low, found.value, found.high)):
            return self.none
        guessed = self.reading.or_estimate and known.summary is None
        said = ", an estimate" if guessed else ""
        said = f", {unsettled(known)}" if self._is_unsettled(known) else said
        return text.spanned(found, self.show) + said + self._judged_on(known)

    def ends(self, known: Known) -> str:
        """Its interval's ends in words, or why there are none; empty for an exact value."""
        if self.reading.get(known) and self._is_unsettled(known):
            return unsettled(known)
        found = self.of(known)
        return text.ends(found, self.show) if found else ""

    def _judged_on(self, known: Known) -> str:
        """On how many samples, while that is not all of them: another number comes later."""
        judged = known.quality if self.reading.source == "quality" else None
        return f", on {judged.n:,} samples so far" if judged and not judged.complete else ""

    def _is_unsettled(self, known: Known) -> bool:
        timed = self.reading.source == "summary" or self.reading.or_estimate
        return timed and known.unsettled

    @property
    def axis(self) -> str:
        """Title of an axis that shows it: two lines, since one would be longer than a slide."""
        title = _with_unit(self.title, self.unit)
        return f"{title}<br>{self.so_far}" if self.so_far else title

    @property
    def heading(self) -> str:
        """Heading of a column that shows it."""
        return _with_unit(self.short or self.title, self.unit)


def unsettled(known: Known) -> str:
    """What to call figures that no interval can be told of."""
    return text.NOT_SETTLED if known.finished else "a first reading"


def _with_unit(title: str, unit: str) -> str:
    return f"{title}, {unit}" if unit else title
