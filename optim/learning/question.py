"""Predict first: a question whose right answer nobody wrote down, since a measurement decides."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from optim.findings import Interval, percent
from optim.learning.outcome import UNITS, Figure, exact

_NEAR = 0.2  # of the value: off by no more counts as near
State = Literal["right", "near", "open", "wrong"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Choice(_Value):
    """One answer: the figure is at most `up_to`, and above what the choice before it ends at.

    The last one has no end.
    """

    text: str = Field(min_length=1, max_length=120)
    up_to: float | None = None


class Slider(_Value):
    """An answer as a number, in the figure's unit."""

    low: float
    high: float
    step: float = Field(gt=0)
    start: float

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.start <= self.high or self.low == self.high:
            raise ValueError("a slider starts between its low and its high")
        return self


class Verdict(_Value):
    """What the measurement says of a guess."""

    state: State
    text: str


class Question(_Value):
    """What to predict: a figure of the lesson's experiment, by choices or on a slider."""

    text: str = Field(min_length=5, max_length=400)
    figure: str
    choices: tuple[Choice, ...] = ()
    slider: Slider | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.choices) == bool(self.slider):
            raise ValueError("a question has either choices or a slider")
        ends = [choice.up_to for choice in self.choices]
        if self.choices and (len(ends) < 2 or ends[-1] is not None or None in ends[:-1]):
            raise ValueError("every choice but the last has an up_to, and there are two at least")
        known = [end for end in ends if end is not None]
        if known != sorted(set(known)):
            raise ValueError("the choices' up_to ascend")
        return self

    def accepts(self, guess: float) -> bool:
        """Whether this is a guess: the place of a choice, or a number on the slider."""
        if self.slider:
            return self.slider.low <= guess <= self.slider.high
        return guess in range(len(self.choices))

    def spelled(self, guess: float, unit: str = "") -> str:
        """A guess as people read it."""
        return UNITS[unit](guess) if self.slider else self.choices[int(guess)].text

    def fitting(self, value: Interval) -> list[int]:
        """The choices that the interval leaves possible."""
        return [i for i in range(len(self.choices)) if self._touches(i, value.low, value.high)]

    def decided_by(self, value: Interval) -> bool:
        """Whether the interval leaves one answer: a single choice, or less than half the slider."""
        if self.slider:
            return value.high - value.low < (self.slider.high - self.slider.low) / 2
        return len(self.fitting(value)) == 1

    def check(self, guess: float, found: Figure) -> Verdict:
        """What the measured figure says of a guess."""
        return self._on_slider(guess, found) if self.slider else self._by_choice(int(guess), found)

    def _touches(self, place: int, low: float, high: float) -> bool:
        start = self.choices[place - 1].up_to if place else None
        end = self.choices[place].up_to
        return (start is None or high > start) and (end is None or low <= end)

    def _by_choice(self, guess: int, found: Figure) -> Verdict:
        value = found.value
        (best,) = self.fitting(exact(value.value))
        possible = self.fitting(value)
        measured = f"{found.title}: {found.shown}."
        fits = " and ".join(f"“{self.choices[i].text}”" for i in possible)
        if len(possible) == len(self.choices):
            fits = "every answer"
        if guess in possible and len(possible) > 1:
            return Verdict(state="open", text=f"Not decided: {measured} Its interval fits {fits}.")
        if guess == best:
            return Verdict(state="right", text=f"Right. {measured}")
        is_ = f"Its interval fits {fits}" if len(possible) > 1 else f"That is {fits}"
        return Verdict(state="wrong", text=f"Not here. {measured} {is_}.")

    def _on_slider(self, guess: float, found: Figure) -> Verdict:
        value, measured = found.value, f"{found.title}: {found.shown}."
        said = f"You said {self.spelled(guess, found.unit)}."
        if value.low <= guess <= value.high and not self.decided_by(value):
            text = f"Not decided: {measured} Its interval is half of the slider or more. {said}"
            return Verdict(state="open", text=text)
        if value.low <= guess <= value.high:
            return Verdict(state="right", text=f"Right, within the interval. {said} {measured}")
        off = abs(guess - value.value) / abs(value.value) if value.value else float("inf")
        if off <= _NEAR:
            return Verdict(state="near", text=f"Near: off by {percent(off)}. {said} {measured}")
        way = "too high" if guess > value.value else "too low"
        return Verdict(state="wrong", text=f"That was {way}. {said} {measured}")
