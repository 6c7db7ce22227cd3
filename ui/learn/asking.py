"""A question of a lesson: where it is answered, and what a measurement says of the answer."""

from collections.abc import Callable

import streamlit as st

from optim.learning.drawing import outcome_chart
from optim.learning.lesson import Lesson
from optim.learning.outcome import Figure, Outcome
from optim.learning.question import State, Verdict
from ui.state import experiments
from ui.text import key_of, plain

_ICONS: dict[State, str] = {
    "right": ":material/check_circle:",
    "near": ":material/adjust:",
    "open": ":material/help:",
    "wrong": ":material/cancel:",
}


def guess_of(lesson: Lesson, where: str, disabled: bool = False) -> float | None:
    """Choices or a slider; None as long as nothing is chosen.

    Args:
        where: in a class or alone, so that both have widgets of their own.
    """
    asked, key = lesson.question, key_of("guess", where, lesson.name)
    if asked.slider:
        of = asked.slider
        value = st.slider(
            "Your prediction",
            of.low,
            of.high,
            of.start,
            of.step,
            key=key,
            disabled=disabled,
        )
        return float(value)
    texts = [choice.text for choice in asked.choices]
    place = st.radio(
        "Your prediction",
        range(len(texts)),
        format_func=lambda place: plain(texts[place]),
        index=None,
        key=key,
        disabled=disabled,
    )
    return None if place is None else float(place)


def verdict(found: Verdict) -> None:
    """What the measurement says of a guess."""
    kind = {"right": st.success, "near": st.success, "open": st.info, "wrong": st.warning}
    kind[found.state](plain(found.text), icon=_ICONS[found.state])


def longer(lesson: Lesson, found: Figure, start: Callable[..., None], *args: object) -> None:
    """Where the measurement leaves several answers: a way to measure on, or that there is none.

    Args:
        start: is called with `args` and the longer experiment.
    """
    run = experiments().of(lesson)
    if lesson.question.decided_by(found.value) or run.of is None:
        return
    more = run.of.longer()
    if more is None:
        st.caption("More timing would not settle it.")
        return
    st.button(
        f"Measure longer: {more.processes} processes",
        key="longer",
        icon=":material/timer:",
        disabled=run.under_way,
        on_click=start,
        args=(*args, more),
        help="More processes make the interval narrower.",
    )


def result(outcome: Outcome, figure: str) -> None:
    """What was measured, drawn for the figure that was asked for, and what it rests on."""
    st.plotly_chart(outcome_chart(outcome, figure), config={"displayModeBar": False})
    rests = f"{outcome.rests_on}, measured {outcome.when} on {outcome.machine}".strip(", ")
    turns = " A ratio of two is known better, since both took turns." if outcome.in_turns else ""
    st.caption(plain(f"{rests}. Whiskers are 95 % intervals.{turns}"))
    with st.expander("All figures"):
        for found in outcome.figures.values():
            st.markdown(f"{plain(found.title)}: **{plain(found.shown)}**")
        for note in outcome.notes:
            st.markdown(f":material/warning: {plain(note)}")
