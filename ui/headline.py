"""The figures that matter most of a trial, in large numbers."""

import streamlit as st

from optim.showing.figure import Where
from optim.showing.figures import figures_for
from optim.studies.trial import Trial


def headline(trial: Trial, metric: str) -> None:
    """Those that it has, side by side: each value over its 95 % interval."""
    found = ((figure, figure.of(trial)) for figure in figures_for(Where.HEADLINE, metric).values())
    known = [(figure, value) for figure, value in found if value]
    for (figure, value), column in zip(known, st.columns(max(len(known), 1)), strict=False):
        column.metric(
            figure.title,
            figure.show(value.value),
            figure.ends(trial),
            delta_color="off",
            delta_arrow="off",
            help=f"{figure.about} Below it the 95 % interval.".strip(),
        )
