"""The chosen trial in detail: what its passes did, all figures, other hardware."""

from collections.abc import Sequence

import streamlit as st

from optim.showing.figure import Where
from optim.showing.figures import lines
from optim.studies.study import Study
from optim.studies.trial import Trial
from ui import all_hardware
from ui.errors import errors_shown
from ui.state import HARDWARE, page
from ui.text import key_of, plain

_WIDTHS = {"hardware": 125, "estimate": 75, "interval": 125}


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


def elsewhere(study: Study, trial: Trial) -> None:
    """Estimates for all modelled hardware, and a way to them as a picture."""
    if not trial.model_digest:
        st.caption("Once its model is built.")
        return
    query = {"study": study.name, "trial": str(trial.number)}
    label, icon = "All hardware as a picture, with rooflines", ":material/developer_board:"
    st.page_link(page(HARDWARE), label=label, icon=icon, query_params=query)
    with errors_shown():
        found = all_hardware.bars(study, trial)
        if disagreement := all_hardware.disagreement(found, trial):
            st.warning(plain(disagreement))
        rows = [
            {"hardware": row["hardware"], "estimate": row["why not"] or row["time"]}
            | {"interval": row["interval"]}
            for row in all_hardware.table(found)
            if row["of"] == f"#{trial.number}" and row["how"] != "measured"
        ]
        columns = {name: st.column_config.TextColumn(width=wide) for name, wide in _WIDTHS.items()}
        key = f"elsewhere:{trial.number}"
        st.dataframe(rows, hide_index=True, key=key, column_config=columns)
