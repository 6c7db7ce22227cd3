"""Where a trial's quality went: inside it, layer by layer, and the samples it cost most."""

import streamlit as st

from optim.studies.study import Study
from optim.studies.trial import Trial
from ui.errors import errors_shown
from ui.text import key_of
from ui.why.went import layer_by_layer
from ui.why.worst import worst_samples


def where_quality_went(study: Study, trial: Trial) -> None:
    """Computed when asked for, since it takes seconds."""
    key = key_of("quality", study.name, trial.number)
    if not st.session_state.get(key):
        st.caption(
            "Every tensor and every answer against the original's, on validation samples: some "
            "seconds, between timings."
        )
        st.button(
            "Look inside", key=f"{key}:go", on_click=st.session_state.update, args=({key: True},)
        )
        return
    with errors_shown():
        layer_by_layer(study, trial)
    with errors_shown():
        worst_samples(study, trial)
