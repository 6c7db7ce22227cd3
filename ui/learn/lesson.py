"""One lesson: its text, the prediction, the measurement, what to take home."""

import streamlit as st

from optim.learning.experiment import Experiment
from optim.learning.lesson import Lesson
from optim.learning.notebook import lesson_notebook
from ui.errors import errors_shown
from ui.explore.news import redraw_on_news
from ui.glossary import explained
from ui.learn.asking import guess_of, longer, result, verdict
from ui.server.stamp import NO_CLASS, class_stamp, class_url
from ui.state import experiments
from ui.text import key_of, plain


def head(lesson: Lesson) -> None:
    """What it is called and about."""
    st.subheader(plain(lesson.title), anchor=False)
    st.caption(plain(lesson.summary))


def notebook(lesson: Lesson) -> None:
    """Its download as a notebook."""
    st.download_button(
        "Notebook",
        lambda: lesson_notebook(lesson),
        f"{lesson.name}.ipynb",
        mime="application/x-ipynb+json",
        icon=":material/download:",
        on_click="ignore",
        key="notebook",
        width="stretch",
        help="The same lesson as a Jupyter notebook that runs against the library.",
    )


def told(lesson: Lesson) -> None:
    """Its text, words explained."""
    st.markdown(explained(lesson.text), unsafe_allow_html=True)


@st.fragment
def experiment(lesson: Lesson) -> None:
    """Predict first, then measure, then see."""
    redraw_on_news(class_url(NO_CLASS), class_stamp(NO_CLASS))
    st.markdown("#### Predict first")
    left, right = st.columns([2, 3], gap="large")
    run = experiments().of(lesson)
    mine: tuple[int, float] | None = st.session_state.get(key_of("asked", lesson.name))
    with left:
        st.markdown(plain(lesson.question.text))
        guess = guess_of(lesson, "alone", disabled=run.under_way and mine is not None)
        st.button(
            "Measure it here",
            type="primary",
            key="measure",
            disabled=guess is None or run.under_way,
            on_click=_start,
            args=(lesson, guess),
            help="It is measured on this machine, now: nobody has written the answer down.",
        )
        st.caption(f"{lesson.experiment.does}")
    with right:
        _shown(lesson, mine)


def _start(lesson: Lesson, guess: float, experiment: Experiment | None = None) -> None:
    with errors_shown():
        run = experiments().start(lesson, experiment)
        st.session_state[key_of("asked", lesson.name)] = (run, guess)


def _shown(lesson: Lesson, mine: tuple[int, float] | None) -> None:
    run = experiments().of(lesson)
    if run.under_way:
        st.progress(min(run.share, 1.0), plain(f"{run.doing} ..."))
        st.button("Stop", key="stop", on_click=experiments().stop, args=(lesson,))
    elif run.error:
        st.error(plain(run.error))
    if mine is None:
        if not run.under_way:
            st.caption("Choose an answer, then measure. What is right is decided by this machine.")
    elif run.outcome and run.decided >= mine[0]:
        with errors_shown():
            found = run.outcome.figure(lesson.question.figure)
            verdict(lesson.question.check(mine[1], found))
            longer(lesson, found, _start, lesson, mine[1])
            result(run.outcome, lesson.question.figure)


def ending(lesson: Lesson) -> None:
    """What to take home, and the sources."""
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.markdown("#### To take home")
        for sentence in lesson.take_home:
            st.markdown(f"- {plain(sentence)}")
    with right:
        st.markdown("#### Sources")
        for source in lesson.sources:
            st.markdown(f"- [{plain(source.title)}]({source.url})")
