"""What a search tells while it runs, and at its end."""

from pydantic import BaseModel, ConfigDict

from optim.findings import Interval
from optim.search.field import Candidate, Field
from optim.search.instrument import Reading
from optim.search.predict import Expectation, Predictor
from optim.search.steps import Step

_DOING = {
    "time": "timing",
    "glance": "judging a few answers of",
    "judge": "judging",
    "mend": "winning back the quality of",
    "settle": "timing again",
}


class Row(BaseModel):
    """A candidate as the search sees it. Gains are relative to the original on one thread.

    `state`: waiting, timed, slower, in the running, not chosen, failed, picked. `cheap`: its
    ranges were made up, so that only its speed counts.
    """

    model_config = ConfigDict(frozen=True)

    recipe: str
    state: str
    why: str = ""
    expected: Interval
    gain: Interval | None = None
    loss: Interval | None = None
    processes: int = 0
    cheap: bool = False


class News(BaseModel):
    """Where a search stands: what it does, every candidate that was touched, how many were not."""

    model_config = ConfigDict(frozen=True)

    rows: tuple[Row, ...]
    doing: str
    at_work: tuple[str, ...] = ()
    """Recipes that it is doing this with."""
    seconds: float
    not_reached: tuple[str, ...] = ()
    """Recipes that were not tried, those that promise most first."""


def news_of(field: Field, predictor: Predictor, seconds: float, step: Step | None) -> News:
    """Where the search of this field stands."""
    candidates = list(field)
    expected = predictor.expect([one.recipe for one in candidates])
    rows = [_row(field, *pair) for pair in zip(candidates, expected, strict=True)]
    waiting = [row for row in rows if row.state == "waiting"]
    at_work = tuple(recipe.spelling for recipe in step.recipes) if step else ()
    return News(
        rows=tuple(row for row in rows if row.state != "waiting"),
        doing=f"{_DOING[step.kind]} {', '.join(at_work)}" if step else "",
        at_work=at_work,
        seconds=seconds,
        not_reached=tuple(r.recipe for r in sorted(waiting, key=lambda r: -r.expected.value)),
    )


def _row(field: Field, one: Candidate, guess: Expectation) -> Row:
    reading = None if one.failed else field.reading(one)
    state, why = _state(field, one, reading)
    return Row(
        recipe=one.recipe.spelling,
        state=state,
        why=" ".join([why, *one.notes]).strip(),
        expected=guess.interval,
        gain=reading.facts.gain if reading else None,
        loss=reading.facts.loss if reading else None,
        processes=reading.processes if reading else 0,
        cheap=bool(reading and reading.cheap),
    )


def _state(field: Field, one: Candidate, reading: Reading | None) -> tuple[str, str]:
    if one.failed:
        return ("not chosen" if one.same else "failed"), one.failed
    if reading is None:
        return "waiting", ""
    said = field.standing(reading)
    if field.is_picked(one):
        return "picked", said.why
    if field.loses(reading):
        return "not chosen", said.why
    if reading.facts.alike.high < 1:
        return "slower", said.why if said.place == "not faster" else ""
    return ("in the running" if one.judged else "timed"), ""
