"""The queue: what runs and what waits."""

from collections.abc import Mapping, Sequence

import streamlit as st

from optim.running.items import WAITING, QueueItem
from optim.search.searches import SearchRun
from optim.showing import text
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.timing.stopping import StoppingRule
from ui.state import queue, searches

_FIRST = 1  # the others are folded away: the table is what people look for below
_SHOWN = 12  # a thousand rows of widgets would take a browser seconds to draw, at every news


def queue_list(study: Study, trials: Sequence[Trial]) -> None:
    """What runs and what waits, this study's and the others', with time left and cancel."""
    pending, running = queue().pending(), searches().under_way()
    for name, run in running:
        _search(name == study.name, run)
    mine = {trial.number: trial for trial in trials}
    reserved = sum(run.budget for _, run in running)
    ours = [item for item in pending if item.study == study.name and item.number in mine]
    others = sum(item.study != study.name for item in pending)
    for item in ours[:_FIRST]:
        _queued(study, item, mine[item.number], reserved)
    if len(ours) > _FIRST:
        title = f"{len(ours) - _FIRST} more wait behind these"
        rest = st.expander(title, key="queue_rest", on_change="rerun")
        if rest.open:  # only what is seen is drawn: all of it is drawn anew at every news
            with rest:
                _behind(study, ours[_FIRST:], mine, reserved)
    if others:
        st.caption(f"{others} more from other studies share this machine.")


def _behind(
    study: Study, items: Sequence[QueueItem], mine: Mapping[int, Trial], reserved: float
) -> None:
    """Those that wait behind the first ones."""
    for item in items[: _SHOWN - _FIRST]:
        _queued(study, item, mine[item.number], reserved)
    if len(items) > _SHOWN - _FIRST:
        more = len(items) - _SHOWN + _FIRST
        st.caption(f"And {more} more; the table has all of them.")


def _search(mine: bool, run: SearchRun) -> None:
    whose = "of this study" if mine else "of another study"
    does = "waits for the machine" if run.state == "waiting" else "has the machine"
    seconds = text.seconds(run.budget)
    st.markdown(f":material/trophy: A search {whose} {does}: {seconds} at most. Trials wait.")


def _queued(study: Study, item: QueueItem, trial: Trial, reserved: float) -> None:
    """One trial; `reserved` are the seconds that searches before it may take."""
    name, progress, action = st.columns([4.5, 3, 2], vertical_alignment="center")
    with name:
        st.markdown(f"#{item.number} `{item.recipe}`")
    with progress:
        seconds = (item.seconds_left or 0.0) + reserved
        left = f", {text.seconds(seconds)} left" if item.seconds_left else ""
        share = min(1.0, len(trial.slices) / StoppingRule.of_settings().most_slices)
        waits = item.phase == WAITING
        st.progress(share, text=f"waiting{left}" if waits else "has the machine")
    with action:
        st.button(
            f"Cancel #{item.number}",
            key=f"cancel:{item.number}",
            on_click=queue().cancel,
            args=(study, item.number),
        )
