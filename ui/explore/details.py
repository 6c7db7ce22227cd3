"""The chosen trial in detail: what its passes did, all figures."""

from collections.abc import Sequence

import streamlit as st

from optim.showing.figure import Where
from optim.showing.figures import lines
from optim.studies.study import Study
from optim.studies.trial import Trial
from ui.state import HARDWARE, page
from ui.text import key_of, plain


def note(study: Study, trial: Trial) -> None:
    """A line that everybody who opens the study sees."""
    written = st.text_input(
        "Note",
        value=trial.note,
        key=key_of("note", study.name, trial.number),
        placeholder="A note for everyone who opens this study",
        label_visibility="collapsed",
    )
    if written != trial.note:
        study.note(trial.number, written)
        st.rerun()


def passes(trial: Trial) -> None:
    """What each pass did."""
    if not trial.reports:
        st.caption("No pass: the original graph, as the engine loads it.")
    for step in trial.reports:
        done = f"{step.seconds:.1f} s" if step.modified else "changed nothing"
        st.markdown(f"**{step.name}** · {done}")
        for line in step.said:
            st.caption(plain(line))


def all_figures(study: Study, trial: Trial, trials: Sequence[Trial]) -> None:
    """Every figure that is known of it."""
    rows = lines(Where.PANEL, study.evalset.metric, trial, trials)
    if not rows:
        st.caption("None yet.")
        return
    shown = {"": [figure.title for figure, _ in rows], " ": [plain(said) for _, said in rows]}
    st.table(shown, border="horizontal", hide_header=True)
    if trial.model_digest:
        st.page_link(
            page(HARDWARE),
            label="Estimates for all other hardware",
            icon=":material/developer_board:",
            query_params={"study": study.name, "trial": str(trial.number)},
        )
