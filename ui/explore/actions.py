"""What can be done with the chosen trial: the ways on from it, and what changes it."""

from collections.abc import Callable

import streamlit as st

from optim.search.space import circumstances_of, neighbours
from optim.studies.study import Study
from optim.studies.trial import Trial
from ui.errors import errors_shown
from ui.explore import builder
from ui.state import (
    COMPARE,
    EXPORT,
    GRAPH,
    WHY,
    choose_trial,
    delete,
    page,
    queue,
    retry,
    submit,
)

REDRAW = "redraw_explore"
"""In the session: that the whole page is to be drawn anew, not its live part alone."""


def actions(study: Study, trial: Trial) -> None:
    """Links to what other pages say of it, then the buttons.

    They come before all texts that grow while it is measured: a button that moves away while it is
    being pressed is not pressed.
    """
    _links(study, trial)
    with st.container(horizontal=True, gap="xxsmall"):  # four of them fit one row beside the chart
        _button("Edit a copy", "copy", "Set the recipe builder to this recipe.", _edit, trial)
        near = "Queues its neighbours: recipes with one setting changed, or one pass more."
        _button("Try near", "near", near, _near, study, trial)
        with st.popover("More", width="content"):
            _button(
                "Unpin" if trial.pinned else "Pin", "pin", "Keep it in sight.", _pin, study, trial
            )
            why = "The original stays: all others are compared with it."
            help_ = why if trial.is_original else "Can be undone."
            locked = trial.is_original
            _button("Delete", "delete", help_, delete, study, [trial.number], disabled=locked)
        if not trial.finished:
            _button("Cancel", "cancel", "Frees the machine.", _cancel, study, trial.number)
        if trial.state in ("failed", "cancelled"):
            _button("Retry", "retry", "Runs it again from the start.", _retry, study, trial.number)
        if trial.state == "interrupted":
            why = "Measures the rest; what is known stands."
            _button("Go on", "retry", why, _retry, study, trial.number)


def _button(
    label: str,
    key: str,
    help_: str,
    act: Callable[..., None],
    *args: object,
    disabled: bool = False,
) -> None:
    st.button(label, key=key, help=help_, on_click=act, args=args, disabled=disabled)


def _links(study: Study, trial: Trial) -> None:
    query = {"study": study.name, "trial": str(trial.number)}
    built, timed = bool(trial.model_digest), bool(trial.summary)
    ways = (
        (WHY, "Why?", ":material/help:", timed),
        (EXPORT, "Export", ":material/download:", bool(timed and trial.quality)),
        (GRAPH, "Graph", ":material/account_tree:", built),
        (COMPARE, "Compare", ":material/compare_arrows:", built),
    )
    with st.container(horizontal=True, gap=None):
        for path, label, icon, there in ways:
            st.page_link(
                page(path),
                label=label,
                query_params=query,
                icon=icon,
                disabled=not there,
                width="content",
            )


def _edit(trial: Trial) -> None:
    """Set the builder, which is drawn anew with the whole page: it is another fragment."""
    builder.load(trial.recipe)
    st.session_state[REDRAW] = True


def _near(study: Study, trial: Trial) -> None:
    with errors_shown():
        known = {one.recipe for one in study.trials() if one.target == trial.target}
        found = neighbours(trial.recipe, circumstances_of(study.model))
        new = [recipe for recipe in found if recipe not in known]
        submit(study, new, trial.target, "explore")
        many = f"{len(new)} neighbour{'' if len(new) == 1 else 's'} of #{trial.number} queued."
        st.toast(many if new else "All that is near is in the study already.")


def _pin(study: Study, trial: Trial) -> None:
    study.pin(trial.number, not trial.pinned)


def _cancel(study: Study, number: int) -> None:
    with errors_shown():
        queue().cancel(study, number)


def _retry(study: Study, number: int) -> None:
    with errors_shown():
        choose_trial(study, retry(study, number))
