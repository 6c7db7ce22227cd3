"""Predictions: what is right is decided by the interval, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from optim.findings import Interval
from optim.learning.outcome import Figure
from optim.learning.question import Choice, Question, Slider

ASKED = Question(
    text="How many times as fast is it?",
    figure="speedup",
    choices=(
        Choice(text="slower", up_to=0.95),
        Choice(text="the same", up_to=1.05),
        Choice(text="faster"),
    ),
)
NUMBERS = st.floats(0.01, 100)


def found(value: float, low: float, high: float) -> Figure:
    return Figure(title="Speed-up", value=Interval(value=value, low=low, high=high), unit="×")


@given(value=NUMBERS)
def test_every_value_is_in_one_choice(value: float) -> None:
    assert len(ASKED.fitting(Interval(value=value, low=value, high=value))) == 1


@given(value=NUMBERS, down=NUMBERS, up=NUMBERS)
def test_one_guess_is_right_or_several_are_open(value: float, down: float, up: float) -> None:
    figure = found(value, value / (1 + down), value * (1 + up))
    states = [ASKED.check(guess, figure).state for guess in range(3)]
    possible = ASKED.fitting(figure.value)
    if len(possible) == 1:
        assert states.count("right") == 1 and states.count("wrong") == 2
    else:
        assert [place for place, state in enumerate(states) if state == "open"] == possible


def test_slower_here_is_the_right_answer_where_it_was_slower_here() -> None:
    figure = found(0.7, 0.65, 0.75)
    assert ASKED.check(0, figure).state == "right"
    told = ASKED.check(2, figure)
    assert told.state == "wrong" and "slower" in told.text and "0.70×" in told.text


def test_an_interval_over_an_edge_decides_nothing() -> None:
    told = ASKED.check(1, found(1.04, 1.0, 1.08))
    assert told.state == "open" and "the same" in told.text and "faster" in told.text
    missed = ASKED.check(0, found(1.04, 1.0, 1.08))
    assert missed.state == "wrong" and "the same" in missed.text and "faster" in missed.text


def test_an_interval_over_every_choice_says_so() -> None:
    told = ASKED.check(1, found(1.0, 0.1, 50))
    assert told.state == "open" and "fits every answer" in told.text


@pytest.mark.parametrize(
    ("guess", "state", "span"),
    [
        (1.95, "right", (1.9, 2.1)),
        (2.2, "near", (1.9, 2.1)),
        (4.0, "wrong", (1.9, 2.1)),
        (1.0, "wrong", (1.9, 2.1)),
        (1.0, "open", (0.6, 6.0)),
        (8.0, "wrong", (0.6, 6.0)),
    ],
)
def test_a_slider_is_held_against_the_interval(
    guess: float, state: str, span: tuple[float, float]
) -> None:
    slider = Slider(low=0.5, high=8, step=0.1, start=1)
    asked = Question(text="How many times?", figure="speedup", slider=slider)
    told = asked.check(guess, found(2.0, *span))
    assert told.state == state
    assert "2.00×" in told.text


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"choices": [{"text": "only one"}]},
        {"choices": [{"text": "a", "up_to": 2}, {"text": "b", "up_to": 1}, {"text": "c"}]},
        {"choices": [{"text": "a", "up_to": 1}, {"text": "b", "up_to": 2}]},
        {"choices": [{"text": "a"}, {"text": "b"}]},
        {"slider": {"low": 1, "high": 1, "step": 1, "start": 1}},
        {"slider": {"low": 1, "high": 2, "step": 1, "start": 3}},
    ],
)
def test_a_question_without_one_clear_way_to_answer_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Question.model_validate({"text": "How fast is it?", "figure": "speedup", **wrong})
