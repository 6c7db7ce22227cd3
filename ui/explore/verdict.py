"""The verdict above the chart: the pick in one sentence, and why."""

from collections.abc import Sequence

import streamlit as st

from optim.showing.verdict import verdict
from optim.studies.choice import telling_here
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from ui.errors import errors_shown
from ui.state import choose_trial, chosen_trial, goal_of, submit
from ui.text import plain


def verdict_line(study: Study, trials: Sequence[Trial]) -> None:
    """One line, and a way to the trial where another one is looked at."""
    found = verdict(trials, goal_of(study))
    if found is None:
        st.caption("The verdict comes with the first timing of the original.")
        return
    icon = "trophy" if found.figures else "hourglass_empty"
    said = f":material/{icon}: **{plain(found.title)}**"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"{said}: {plain(found.figures)}" if found.figures else said, width="content")
        if chosen_trial(study) not in (None, found.number):
            st.button(
                f"Look at #{found.number}",
                key="verdict",
                type="tertiary",
                on_click=choose_trial,
                args=(study, found.number),
            )
    if any(trial.target == LOCAL for trial in trials):
        st.caption(plain(found.why))
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(plain(found.why), width="content")
        st.button(
            "Measure it here",
            key="verdict:here",
            type="tertiary",
            icon=":material/timer:",
            help="The original and the front, on this machine.",
            on_click=_measure_here,
            args=(study, trials),
        )


def _measure_here(study: Study, trials: Sequence[Trial]) -> None:
    with errors_shown():
        submit(study, telling_here(trials), LOCAL, "import")
