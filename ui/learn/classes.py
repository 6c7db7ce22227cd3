"""A class: the trainer's page with the code and the guesses, and the learners' pages."""

import streamlit as st

from optim.errors import InputError
from optim.learning.classroom import LONGEST_NAME, Seen
from optim.learning.drawing import guesses_chart
from optim.learning.experiment import Experiment
from optim.learning.lesson import Lesson, all_lessons, find_lesson
from optim.learning.outcome import Outcome
from ui.charts import for_a_room
from ui.errors import errors_shown
from ui.explore.news import redraw_on_news
from ui.learn.asking import guess_of, longer, result, verdict
from ui.learn.lesson import told
from ui.learn.memory import keep_in_tab, kept_in_tab
from ui.learn.picturing import picture
from ui.server.hosts import why_none_elsewhere
from ui.server.stamp import class_stamp, class_url
from ui.state import LEARN, classes, experiments, page
from ui.text import key_of, plain

_FONT = 20  # pixels, as in presenter mode: what a trainer shows hangs on a wall
_HEIGHT = 340


def offer(lesson: Lesson) -> None:
    """For a trainer the button that opens a class for a lesson; for a learner where a code goes."""
    with st.popover("Class", icon=":material/groups:", width="stretch"):
        st.caption("Learners join by a code, their guesses arrive live, a measurement decides.")
        if st.button("Open a class for this lesson", type="primary", key="class:open"):
            with errors_shown():
                code, key = classes().open(lesson)
                keep_in_tab(f"trainer-{code}", key)
                _go(code)
        with st.form("class:join", border=False):  # a click takes what is typed, Enter too
            code = st.text_input("Or join one: its code", max_chars=12, key="class:code")
            if st.form_submit_button("Join", key="class:go"):
                with errors_shown():
                    _go(classes().seen(code).code)


def _go(code: str) -> None:
    st.switch_page(page(LEARN), query_params={"class": code})


def member(code: str) -> None:
    """The page of a class with this code."""
    try:
        seen = classes().seen(code)
    except InputError as error:
        st.warning(plain(str(error)))
        st.page_link(page(LEARN), label="To the lessons", query_params={})
        return
    key = kept_in_tab(f"trainer-{seen.code}")
    if key and classes().is_trainer(seen.code, key):
        _trainer(seen.code, key)
        with st.expander("The lesson", expanded=False):
            told(find_lesson(seen.lesson))
            picture(find_lesson(seen.lesson))
        return
    _learner(seen.code, kept_in_tab(f"learner-{seen.code}"))


@st.fragment
def _trainer(code: str, key: str) -> None:
    st.html(f"<style>html {{font-size: {_FONT}px}}</style>")
    redraw_on_news(class_url(code), class_stamp(code))
    with errors_shown():
        seen = classes().seen(code)
        lesson = find_lesson(seen.lesson)
        left, right = st.columns([2, 3], gap="large")
        with left:
            st.markdown(f"# :primary[{code}]")
            st.markdown(f"Join at **{plain(_address(code))}**")
            st.caption(why_none_elsewhere(_address(code)))
            st.metric("Guesses", f"{len(seen.guesses)} of {seen.learners}")
            _trainer_buttons(seen, key, lesson)
            _who(seen, key, lesson)
        with right:
            _seen_by_all(seen, lesson, _FONT)


def _address(code: str) -> str:
    base = str(st.context.url or "").partition("?")[0] or "the page Learn"
    return f"{base}?class={code}"


def _trainer_buttons(seen: Seen, key: str, lesson: Lesson) -> None:
    run = experiments().of(lesson)
    st.button(
        "Measure now" if seen.guessing else "Measure again",
        type="primary",
        key="class:measure",
        disabled=run.under_way,
        on_click=_decide,
        args=(seen.code, key, lesson),
        help="Closes the guesses and runs the experiment on this machine.",
    )
    if outcome := _decided(seen, lesson):
        found = outcome.figure(lesson.question.figure)
        longer(lesson, found, _decide, seen.code, key, lesson)
    lessons = all_lessons()
    with st.popover("Next lesson, or end"):
        name = st.selectbox(
            "Lesson", list(lessons), format_func=lambda n: lessons[n].title, key="class:next"
        )
        if st.button("Go on with it", key="class:teach"):
            classes().teach(seen.code, key, lessons[name])
            st.rerun()
        if st.button("End the class", key="class:end"):
            classes().close(seen.code, key)
            st.switch_page(page(LEARN), query_params={"lesson": lesson.name})


def _decide(code: str, key: str, lesson: Lesson, experiment: Experiment | None = None) -> None:
    with errors_shown():
        classes().decide(code, key, experiments().start(lesson, experiment))


def _send(code: str, learner: str, guess: float) -> None:
    with errors_shown():
        classes().guess(code, learner, guess)


def _who(seen: Seen, key: str, lesson: Lesson) -> None:
    """Those who gave a name."""
    named = classes().names(seen.code, key)
    if named:
        with st.expander(f"Names ({len(named)})"):
            for name, guess in named:
                said = "no guess yet" if guess is None else lesson.question.spelled(guess)
                st.markdown(f"{plain(name)}: {plain(said)}")


def _seen_by_all(seen: Seen, lesson: Lesson, font: int = 0) -> None:
    """The question, the guesses, the measurement.

    Args:
        font: pixels of letters, where they are read across a room.
    """
    st.markdown(f"**{plain(lesson.title)}.** {plain(lesson.question.text)}")
    outcome = _decided(seen, lesson)
    found = outcome.figure(lesson.question.figure) if outcome else None
    chart = guesses_chart(lesson.question, seen.guesses, found)
    if font:
        for_a_room(chart, font, _HEIGHT)
    st.plotly_chart(chart, key=key_of("guesses", seen.code), config={"displayModeBar": False})
    run = experiments().of(lesson)
    if seen.run is not None and run.under_way:
        st.progress(min(run.share, 1.0), plain(f"Measuring: {run.doing} ..."))
    elif seen.run is not None and run.error:
        st.error(plain(run.error))
    if outcome and found:
        st.markdown(f"#### {plain(found.title)}: {plain(found.shown)}")
        result(outcome, lesson.question.figure)


def _decided(seen: Seen, lesson: Lesson) -> Outcome | None:
    """What the run that decides came to; none from before it."""
    run = experiments().of(lesson)
    return run.outcome if seen.run is not None and run.decided >= seen.run else None


@st.fragment
def _learner(code: str, learner: str) -> None:
    redraw_on_news(class_url(code), class_stamp(code))
    with errors_shown():
        seen = classes().seen(code)
        st.caption(f"Class {code}")
        if not (learner and classes().has(code, learner)):
            _join(code)
            return
        lesson = find_lesson(seen.lesson)
        mine = classes().guess_of(code, learner)
        if not seen.guessing:
            outcome = _decided(seen, lesson)
            if outcome and mine is not None:
                found = outcome.figure(lesson.question.figure)
                verdict(lesson.question.check(mine, found))
            _seen_by_all(seen, lesson)
            return
        _answer(seen, lesson, learner, mine)


def _join(code: str) -> None:
    name = st.text_input(
        "Your name, if you like",
        max_chars=LONGEST_NAME,
        key="class:name",
        help="The trainer sees it.",
    )
    if st.button("Join the class", type="primary", key="class:join"):
        keep_in_tab(f"learner-{code}", classes().join(code, name))
        st.rerun()


def _answer(seen: Seen, lesson: Lesson, learner: str, mine: float | None) -> None:
    st.subheader(plain(lesson.title), anchor=False)
    st.markdown(plain(lesson.question.text))
    guess = guess_of(lesson, seen.code)
    st.button(
        "Send my guess",
        type="primary",
        key="class:send",
        disabled=guess is None,
        on_click=_send,
        args=(seen.code, learner, guess),
    )
    if mine is not None:
        st.success(
            f"Sent: {plain(lesson.question.spelled(mine))}. You may change it until it is "
            f"measured. {len(seen.guesses)} of {seen.learners} have guessed."
        )
