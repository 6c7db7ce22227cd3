"""Explore: toggle, watch the trade-off chart fill in, find out why, keep what is good."""

from contextlib import suppress

import streamlit as st

from optim.errors import InputError
from optim.showing.chart import trade_off
from optim.showing.figure import Where
from optim.showing.figures import LATENCY, QUALITY, figures_for
from optim.showing.points import Plane, marks
from optim.showing.text import size
from optim.studies.choice import front_of
from optim.studies.picking import picked
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets
from ui.explore.builder import builder
from ui.explore.find import find_the_best
from ui.explore.live_chart import live_chart
from ui.explore.news import redraw_on_news
from ui.explore.panel import panel
from ui.explore.queue_list import queue_list
from ui.explore.table import trial_table
from ui.explore.verdict import verdict_line
from ui.parts import target_label
from ui.present.place import presenting
from ui.present.stage import present, present_button
from ui.server.stamp import news_url, stamp_of
from ui.state import choose_trial, chosen_trial, goal_of, require_study, trials_in_address
from ui.text import key_of, plain

_CHART = "chart"


def _header(study: Study) -> None:
    model, evalset = study.model, study.evalset
    st.subheader(plain(model.name), anchor=False)
    made_up = (
        " Inputs are made up: quality is only fidelity to the original."
        if evalset.synthetic
        else ""
    )
    here = plain(all_targets()[LOCAL].title)
    facts = (f"{model.node_count:,} nodes", size(model.size_bytes), here, plain(evalset.split_note))
    st.caption(" · ".join(facts) + made_up)
    known = (*model.notes, *evalset.notes)
    if known:
        with st.expander(f"{len(known)} notes on this model and its samples"):
            st.markdown("\n".join(f"- {plain(note)}" for note in known))


def _plane(study: Study, trials: list[Trial]) -> tuple[Plane, bool]:
    """What the chart shows across and up, and whether across is logarithmic."""
    known = figures_for(Where.AXIS, study.evalset.metric, trials)
    names = list(known)
    left, middle, right = st.columns([3, 3, 1.4], vertical_alignment="bottom")
    with left:
        x = st.selectbox("Across", names, names.index(LATENCY), lambda n: known[n].title, key="x")
    with middle:
        y = st.selectbox("Up", names, names.index(QUALITY), lambda n: known[n].title, key="y")
    with right:
        log = st.toggle("Log", key="log", help="Logarithmic scale across")
    return Plane(known[x], known[y]), log


def _on_hardware(trials: list[Trial]) -> list[Trial]:
    """The trials on the targets that are wanted, if there is a choice."""
    targets = list(dict.fromkeys(trial.target for trial in trials))
    if len(targets) < 2:
        return trials
    wanted = st.pills(
        "Hardware",
        targets,
        selection_mode="multi",
        default=targets,
        key=f"hardware:{len(targets)}",
        format_func=_short_label,
        label_visibility="collapsed",
    )
    return [trial for trial in trials if trial.target in wanted]


def _short_label(name: str) -> str:
    """A target's label without the particulars, so that several fit beside each other."""
    target = all_targets().get(name)
    if target is None:  # a machine elsewhere, of a study that was taken in
        return name.partition(",")[0]
    return target_label(target.model_copy(update={"title": target.title.partition(",")[0]}))


def _chart(study: Study, trials: list[Trial], chosen: int | None, plane: Plane, log: bool) -> None:
    drawn = marks(trials, plane)
    key = key_of(_CHART, study.name, plane.x.name, plane.y.name, log)
    figure = trade_off(drawn, *plane.axes(log), chosen, front=plane.front_name, view=key)
    alt = f"{plane.y.title} against {plane.x.title} of {len(drawn)} trials"
    live_chart(figure, key, alt, chosen, lambda number: choose_trial(study, number))
    st.caption(plain(_progress(trials, {mark.number for mark in drawn})))


def _progress(trials: list[Trial], drawn: set[int]) -> str:
    """What is on its way to the chart, and what will never be on it."""
    missing = [trial for trial in trials if not trial.finished and trial.number not in drawn]
    failed = sum(trial.state == "failed" for trial in trials)
    notes = []
    if missing:
        first = next((t for t in missing if t.phase), missing[0])
        notes.append(
            f"{len(missing)} on the way, now {first.phase or 'waiting'}: {first.recipe.spelling}"
        )
    if failed:
        notes.append(f"{failed} failed; the table says why")
    return " · ".join(notes) or "Click a point for its details."


@st.fragment
def _live() -> None:
    """All but the builder, drawn anew by itself: a rerun of the page would lose what is typed."""
    study = st.session_state["open_study"]
    stamp = stamp_of(study.name)  # before the trials are read: what comes meanwhile is news
    trials = study.trials()
    verdict_line(study, trials)
    chart, side = st.columns([5, 3], gap="medium")
    trial = _looked_at(study, trials)
    with chart:
        plane, log = _plane(study, trials)
        _chart(study, _on_hardware(trials), trial.number if trial else None, plane, log)
        st.subheader("Queue")
        queue_list(study, trials)
    with side:
        if trial:
            panel(study, trial, trials, plane)
        else:
            st.caption("The first point appears within seconds.")
    st.subheader("Trials")
    trial_table(study, trials, front_of(trials))
    redraw_on_news(news_url(study.name), stamp)


def _looked_at(study: Study, trials: list[Trial]) -> Trial | None:
    """The chosen trial; until one is chosen, the pick."""
    number = chosen_trial(study)
    chosen = next((trial for trial in trials if trial.number == number), None)
    if chosen is None and number is not None:
        chosen = _in_its_place(study, trials, number)
    return chosen or picked(trials, goal_of(study)) or next(iter(trials), None)


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
    if chosen_trial(study) is None:
        choose_trial(study, next((trial.number for trial in trials_in_address(study)), None))
    head, way = st.columns([6, 1])
    with head:
        _header(study)
    with way:
        present_button()
    with st.sidebar:
        builder(study)
    find_the_best(study)
    _live()


_page(require_study())
