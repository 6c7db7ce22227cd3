"""Explore: toggle, watch the trade-off chart fill in, find out why, keep what is good."""

import time
from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from optim.errors import InputError
from optim.sharing.telling import title_of
from optim.showing.acceptable import acceptable
from optim.showing.chart import Canvas, trade_off_json
from optim.showing.points import marks
from optim.showing.text import size
from optim.showing.verdict import verdict
from optim.studies.choice import front_of
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets
from ui.explore.actions import REDRAW
from ui.explore.builder import builder
from ui.explore.filters import Shown, filters
from ui.explore.find import find_the_best
from ui.explore.live_chart import DRAWING, LIVE, live_chart
from ui.explore.news import redraw_on_news
from ui.explore.panel import panel
from ui.explore.queue_list import queue_list
from ui.explore.table import TABLE_HELP, trial_table
from ui.explore.verdict import verdict_line
from ui.present.place import presenting
from ui.present.stage import present, present_button
from ui.server.stamp import news_url, now, stamp_of
from ui.state import (
    choose_trial,
    chosen_trial,
    deleted,
    entered,
    goal_of,
    require_study,
    trials_in_address,
    undelete,
)
from ui.text import key_of, plain

_CHART = "chart"
_AHEAD_S = 0.6
"""How long a browser that has just come has the chart alone: it would draw all else before it."""


def _header(study: Study) -> None:
    """One line: what is being explored."""
    model, evalset = study.model, study.evalset
    facts = [f"{model.node_count:,} nodes", size(model.size_bytes)]
    facts += [plain(all_targets()[LOCAL].title), f"{evalset.validation_count:,} samples"]
    if evalset.synthetic:
        facts.append("inputs are made up: quality is only fidelity to the original")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.subheader(plain(study.title), anchor=False, width="content")
        st.caption(" · ".join(facts), width="stretch")
        _notes((evalset.split_note, *model.notes, *evalset.notes))
        present_button()


def _notes(known: Sequence[str]) -> None:
    with st.popover(f"{len(known)} note{'s' * (len(known) > 1)}", type="tertiary", width="content"):
        st.markdown("\n".join(f"- {plain(note)}" for note in known))


def _chart(study: Study, trials: list[Trial], chosen: int | None, shown: Shown) -> None:
    plane, log = shown.plane, shown.log
    wanted = {trial.number for trial in shown.trials}
    known = tuple(marks(trials, plane))
    drawn = [mark for mark in known if mark.number in wanted]
    key = key_of(_CHART, study.name, plane.x.name, plane.y.name, log)
    figure = trade_off_json(
        tuple(drawn),
        *plane.axes(log),
        chosen,
        plane.front_name,
        key,
        tuple(acceptable(trials, plane, goal_of(study))),
        Canvas(known=known, empty=_nothing(trials, shown)),
    )
    alt = f"{plane.y.title} against {plane.x.title} of {len(drawn)} trials"
    told = title_of(study, trials, goal_of(study)) if plane.is_the_studys else ""
    live_chart(figure, key, alt, chosen, lambda number: choose_trial(study, number), told)
    st.caption(plain(_progress(trials, len(shown.trials))))


def _nothing(trials: list[Trial], shown: Shown) -> str:
    """Why there is no point, where there is none."""
    if not shown.trials:
        return "No trial passes the filter."
    if any(trial.held_up for trial in trials):
        return "The first point has to wait: something else is timed on this machine."
    if any(not trial.finished for trial in trials):
        return "The first point appears once the original is timed: in seconds on a free machine."
    return "No trial has both of these figures."


def _progress(trials: list[Trial], wanted: int) -> str:
    """What is on its way to the chart, what is filtered out, what will never be on it."""
    missing = [trial for trial in trials if not trial.finished and not trial.has_point]
    failed = sum(trial.state == "failed" for trial in trials)
    notes = []
    if missing:
        notes.append(f"{len(missing)} without a point yet")
    if failed:
        notes.append(f"{failed} failed; the table says why")
    if wanted < len(trials):
        notes.append(f"{wanted} of {len(trials)} trials pass the filter")
    return (
        f"{' · '.join(notes)}."
        if notes
        else "Click a point for its details. Pale points are still measured."
    )


@st.fragment
def _live() -> None:
    """All but the builder, drawn anew by itself: a rerun of the page would lose what is typed."""
    if st.session_state.pop(REDRAW, False):
        st.rerun()
    study = st.session_state["open_study"]
    with st.container(key=LIVE):
        _drawn(study)


def _drawn(study: Study) -> None:
    stamp = stamp_of(study.name)  # before the trials are read: what comes meanwhile is news
    trials = study.trials()
    with st.container():  # as one, however many elements it is: else the chart is made anew
        verdict_line(study, trials)
    chart, side = st.columns([5, 3], gap="medium")
    trial = _looked_at(study, trials)
    with chart:
        drawing = st.container(key=DRAWING)
        shown = filters(study, trials)
        with drawing:
            _chart(study, trials, trial.number if trial else None, shown)
        _ahead(trials)
        empty = not any(trial.has_point for trial in trials)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.subheader("Queue", anchor=False, width="content")
            redraw_on_news(news_url(study.name), stamp, eager=empty, line=now(study.name))
        with st.container():
            queue_list(study, trials)
    with side:
        if trial:
            panel(study, trial, trials, shown.plane)
        else:
            st.caption("The first point appears when the original is timed.")
    with st.container():
        _undo(study)
    st.subheader("Trials", anchor=False, help=TABLE_HELP)
    trial_table(study, trials, shown.trials, front_of(trials))


def _ahead(trials: list[Trial]) -> None:
    """Let the chart come first, the first time; where no browser draws, nothing waits."""
    first = "chart_came" not in st.session_state
    st.session_state["chart_came"] = True
    if first and st.context.headers and any(trial.has_point for trial in trials):
        time.sleep(_AHEAD_S)


def _undo(study: Study) -> None:
    """A way back from the last deletion."""
    if gone := deleted(study):
        names = ", ".join(f"#{number}" for number in gone[:8])
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"Deleted {names}{' and more' * (len(gone) > 8)}.", width="content")
            st.button("Undo", key="undelete", on_click=undelete, args=(study,), type="tertiary")


def _looked_at(study: Study, trials: list[Trial]) -> Trial | None:
    """The chosen trial; until one is chosen, the pick."""
    number = chosen_trial(study)
    chosen = next((trial for trial in trials if trial.number == number), None)
    if chosen is None and number is not None:
        chosen = _in_its_place(study, trials, number)
    best = verdict(trials, goal_of(study))
    picked = next((trial for trial in trials if best and trial.number == best.number), None)
    return chosen or picked or next(iter(trials), None)


def _in_its_place(study: Study, trials: list[Trial], number: int) -> Trial | None:
    """The trial that goes on with one that is gone: a search makes a new one of the recipe."""
    with suppress(InputError):
        gone = study.trial(number)
        same = (trial for trial in trials if trial.recipe == gone.recipe)
        return next((trial for trial in same if trial.target == gone.target), None)
    return None


def _page(study: Study) -> None:
    st.session_state["open_study"] = study
    if presenting():
        present(study)
        return
    asked = next((trial.number for trial in trials_in_address(study)), None)
    if asked is not None and (entered() or chosen_trial(study) is None):
        choose_trial(study, asked)
    with st.sidebar:  # first: it moves all else aside
        st.subheader("Recipe", anchor=False)
        aside = st.container()
    _header(study)
    find_the_best(study)
    _live()
    with aside:  # after the chart, which people came for: each costs as much
        builder(study)


_page(require_study())
