"""Downloads as notebooks."""

import streamlit as st

from optim.learning.notebook import study_notebook
from optim.studies.study import Study


def notebook_button(study: Study) -> None:
    """A study as a Jupyter notebook."""
    st.download_button(
        "Notebook",
        lambda: study_notebook(study),
        f"{study.name}.ipynb",
        mime="application/x-ipynb+json",
        on_click="ignore",
        key="study-notebook",
        help="Opens the study, or measures its recipes anew elsewhere, with the library.",
    )
