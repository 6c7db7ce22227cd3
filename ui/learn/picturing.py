"""A lesson's picture: drawn in a thread of its own, so that the page answers clicks meanwhile."""

import threading
from concurrent.futures import Future, wait

import streamlit as st

from optim.learning.lesson import Lesson
from optim.learning.picture import Panel
from ui.errors import errors_shown
from ui.text import key_of, plain

PICTURE = "picture"
"""Key of where the picture is drawn: page.css keeps its place, so that nothing moves for it."""
_AT_ONCE, _LOOK_AGAIN = 0.2, 0.5  # seconds: most pictures are there at once, or were drawn before
_PLAIN = {"displayModeBar": False}  # its buttons lay over the legend, and nothing needs a zoom
_Panels = tuple[Panel, ...]


def picture(lesson: Lesson) -> None:
    """Its picture, drawn from live data; one panel at a time."""
    drawn = begun(lesson, *_asked(lesson))
    wait([drawn], _AT_ONCE)
    there = drawn.done()
    st.fragment(_picture, run_every=None if there else _LOOK_AGAIN)(lesson, drawn, there)


@st.cache_resource(max_entries=64, show_spinner=False)
def begun(_lesson: Lesson, asked: str, again: int) -> "Future[_Panels]":
    """The picture, as soon as it is drawn: kept, as all that open the lesson see the same."""
    found: Future[_Panels] = Future()
    threading.Thread(target=_draw, args=(_lesson, found), name="picture", daemon=True).start()
    return found


def _draw(lesson: Lesson, found: "Future[_Panels]") -> None:
    try:
        found.set_result(lesson.picture.draw())
    except Exception as error:  # it is raised where the picture is shown
        found.set_exception(error)


def _asked(lesson: Lesson) -> tuple[str, int]:
    """What the picture is kept under: its settings, and how often it was wanted anew."""
    asked = lesson.picture.model_dump_json()
    return f"{lesson.name} {asked}", st.session_state.get(key_of("picture-again", lesson.name), 0)


def _picture(lesson: Lesson, drawn: "Future[_Panels]", there: bool) -> None:
    """The panels; until they are there, that they come."""
    if not drawn.done():
        st.caption(":material/hourglass_top: Drawing from live data ...")
        return
    if not there:
        st.rerun()  # of the page, which from then on looks no more
    with errors_shown():
        if drawn.exception():
            begun.clear(lesson, *_asked(lesson))  # it is tried anew
        _panels(lesson, drawn.result())


def _panels(lesson: Lesson, panels: _Panels) -> None:
    left, right = st.columns([5, 1])
    chosen = panels[0]
    if len(panels) > 1:
        with left:
            chosen = panels[_place([panel.title for panel in panels], lesson)]
    with right:
        if st.button("Again", key=key_of("again", lesson.name), help="Draw it from new data."):
            again = key_of("picture-again", lesson.name)
            st.session_state[again] = st.session_state.get(again, 0) + 1
            st.rerun()
    key = key_of("picture", lesson.name, chosen.title)
    st.plotly_chart(chosen.figure, key=key, config=_PLAIN)
    st.markdown(plain(chosen.says))


def _place(titles: list[str], lesson: Lesson) -> int:
    chosen = st.segmented_control(
        "Step",
        titles,
        default=titles[0],
        required=True,
        key=key_of("panel", lesson.name),
        label_visibility="collapsed",
    )
    return titles.index(chosen) if chosen in titles else 0
