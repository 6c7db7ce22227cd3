"""What pages look up again and again, kept in bounded caches. No widgets in here."""

import streamlit as st

from optim.explaining.profile import ProfiledNode, join_profile, profile_of
from optim.graph import Analysis, analysis_of
from optim.model import load_model
from optim.recipe import Recipe


@st.cache_resource(max_entries=32, show_spinner="Reading the graph ...")
def analysis_of_digest(digest: str) -> Analysis:
    """The analysis of a stored model. Raises StepError where it cannot be read."""
    return analysis_of(load_model(digest))


@st.cache_resource(max_entries=64, show_spinner="Profiling in a separate process ...")
def profile_of_digest(digest: str, runtime: str, evalset: str) -> tuple[ProfiledNode, ...]:
    """Per-node times of a stored model on this machine, joined to its graph.

    Args:
        runtime: its spelling.
        evalset: digest of the EvalSet whose first calibration sample is the input.
    """
    times = profile_of(load_model(digest), Recipe.parse(runtime).runtime, evalset)
    return join_profile(analysis_of_digest(digest), times)
