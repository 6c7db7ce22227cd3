"""Learn: lessons that let one predict first and then measure, a glossary, a class."""

import streamlit as st

from optim.learning.lesson import Lesson, all_lessons, unreadable_lessons
from ui.learn.classes import member, offer
from ui.learn.lesson import ending, experiment, head, notebook, told
from ui.learn.picturing import PICTURE, picture
from ui.learn.words import glossary
from ui.text import plain

_VIEWS = ("lessons", "glossary")


def _contents(lessons: dict[str, Lesson], current: str) -> None:
    """The lessons, in order."""
    names = list(lessons)
    with st.sidebar:
        st.session_state["learn:lesson"] = current  # as the address has it
        st.radio(
            "Lessons",
            names,
            format_func=lambda name: f"{names.index(name) + 1}. {plain(lessons[name].title)}",
            key="learn:lesson",
            on_change=_to_address,
            args=("lesson",),
        )
        for broken in unreadable_lessons():
            st.warning(plain(broken.why))


def _view() -> str:
    asked = st.query_params.get("view", "")
    st.session_state["learn:view"] = asked if asked in _VIEWS else _VIEWS[0]
    chosen = st.segmented_control(
        "View",
        _VIEWS,
        format_func=str.capitalize,
        required=True,
        key="learn:view",
        on_change=_to_address,
        args=("view",),
        label_visibility="collapsed",
    )
    return str(chosen)


def _to_address(name: str) -> None:
    """What was chosen, so that it can be passed on."""
    st.query_params[name] = st.session_state[f"learn:{name}"]


def _lesson(lesson: Lesson) -> None:
    """The text and the question at once; the picture comes last, since it takes a while."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        told(lesson)
    with right:
        drawn = st.container(key=PICTURE)
    experiment(lesson)
    ending(lesson)
    with drawn:
        picture(lesson)


def _page() -> None:
    lessons = all_lessons()
    name = st.query_params.get("lesson", "")
    lesson = lessons.get(name) or next(iter(lessons.values()))
    left, middle, right = st.columns([4, 1, 1], vertical_alignment="center")
    with left:
        view = _view()
    with middle:
        offer(lesson)
    with right:
        notebook(lesson)
    if view == "glossary":
        glossary()
        return
    _contents(lessons, lesson.name)
    if name and name not in lessons:
        st.warning(f"There is no lesson named {plain(name[:60])}. This is the first one.")
    head(lesson)
    _lesson(lesson)


if code := st.query_params.get("class", ""):
    member(code[:20])
else:
    _page()
