"""The queue: what runs and what waits."""

from collections.abc import Sequence

import streamlit as st

from optim.running.queue import QueueItem
from optim.showing import text
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.timing.stopping import StoppingRule
from ui.state import queue

_SHOWN = 12  # a thousand rows of widgets would take a browser seconds to draw, at every news


def queue_list(study: Study, trials: Sequence[Trial]) -> None:
    """What runs and what waits, this study's and the others', with time left and cancel."""
    pending = queue().pending()
    if not pending:
        st.caption(
            "Nothing runs. One trial at a time is measured per machine, so that timings are true."
        )
    mine = {trial.number: trial for trial in trials}
    ours = [item for item in pending if item.study == study.name and item.number in mine]
    others = sum(item.study != study.name for item in pending)
    for item in ours[:_SHOWN]:
        _queued(study, item, mine[item.number])
    if len(ours) > _SHOWN:
        st.caption(f"{len(ours) - _SHOWN} more wait behind these; the table has all of them.")
    if others:
        st.caption(f"{others} more from other studies share this machine.")


def _queued(study: Study, item: QueueItem, trial: Trial) -> None:
    name, progress, action = st.columns([4.5, 3, 2], vertical_alignment="center")
    with name:
        st.markdown(f"#{item.number} `{item.recipe}`")
    with progress:
        left = f", {text.seconds(item.seconds_left)} left" if item.seconds_left else ""
        share = min(1.0, len(trial.slices) / StoppingRule.of_settings().most_slices)
        st.progress(share, text=f"{item.phase}{left}")
    with action:
        st.button(
            f"Cancel #{item.number}",
            key=f"cancel:{item.number}",
            on_click=queue().cancel,
            args=(study, item.number),
        )
