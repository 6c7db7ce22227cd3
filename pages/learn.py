"""Learn: lessons that let one predict first and then measure, a glossary, a class."""

import streamlit as st

from optim.learning.lesson import Lesson, all_lessons, unreadable_lessons
from ui.learn.classes import member, offer
from ui.learn.lesson import ending, experiment, head, notebook, picture, told
from ui.learn.words import glossary
from ui.text import plain

_VIEWS = ("Lessons", "Glossary")


def _contents(lessons: dict[str, Lesson], current: str) -> None:
    """The lessons, in order."""
    names = list(lessons)

    def chosen() -> None:
        st.query_params["lesson"] = st.session_state["learn:lesson"]

    with st.sidebar:
        if st.session_state.get("learn:lesson") != current:  # the address names another one
            st.session_state["learn:lesson"] = current
        st.radio(
            "Lessons",
            names,
            format_func=lambda name: f"{names.index(name) + 1}. {plain(lessons[name].title)}",
            key="learn:lesson",
            on_change=chosen,
        )
        for broken in unreadable_lessons():
            st.warning(plain(broken.why))


def _view() -> str:
    asked = st.query_params.get("view", "").capitalize()
    first = asked if asked in _VIEWS else _VIEWS[0]
    chosen = st.segmented_control(
        "View", _VIEWS, default=first, required=True, key="learn:view", label_visibility="collapsed"
    )
    return str(chosen)


def _lesson(lesson: Lesson) -> None:
    """The text and the question at once; the picture is drawn last, since it takes a while."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        told(lesson)
    with right:
        drawn = st.container(height=540, border=False)
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
    if view == "Glossary":
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
