"""What is found out: a value with its interval, and what limits its worth."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Caution(BaseModel):
    """Something that limits what a number is worth. Rendered in one place by its severity."""

    model_config = ConfigDict(frozen=True)

    code: str
    text: str
    severity: Literal["info", "warning", "error"] = "warning"


_VAGUE = 4.0
"""Ends of a ratio that are more than so many times apart say nothing: of two rounds of a run of
11 µs, many runs each, a speed-up of 0.02 to 31 was seen; where threads fight, one to 21 million."""


class Interval(BaseModel):
    """A value with its 95 % interval, in the unit of what it belongs to."""

    model_config = ConfigDict(frozen=True)

    value: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the interval as a share of the value."""
        return (self.high - self.low) / 2 / self.value if self.value else float("inf")

    @property
    def vague(self) -> bool:
        """Of a ratio: whether its ends lie so far apart that they say nothing."""
        return self.high > _VAGUE * self.low

    def overlaps(self, other: "Interval") -> bool:
        """Whether the two intervals share a point: then the values are a tie."""
        return self.low <= other.high and other.low <= self.high

    def negated(self) -> "Interval":
        """The same on a flipped axis, so that lower is better everywhere."""
        return Interval(value=-self.value, low=-self.high, high=-self.low)


def largest(of: Sequence[Interval]) -> Interval:
    """Each end of the largest: above a limit where any of them is, below where all are."""
    return Interval(
        value=max(one.value for one in of),
        low=max(one.low for one in of),
        high=max(one.high for one in of),
    )


EVEN = Interval(value=1.0, low=1.0, high=1.0)
"""A thing against itself, which needs no measuring: a ratio of 1."""


def percent(share: float, digits: int = 0) -> str:
    """A share as it is written everywhere: 0.093 is "9 %"; never "-0 %"."""
    return f"{100 * share:z.{digits}f} %"
