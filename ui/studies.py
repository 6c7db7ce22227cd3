"""The list of studies on the start page: found by words, opened, renamed, deleted, restored."""

from collections.abc import Sequence

import streamlit as st

from optim.studies.listing import (
    LONGEST_TITLE,
    StudyInfo,
    delete_study,
    list_studies,
    rename_study,
    restore_study,
    searched,
)
from optim.studies.study import open_study
from ui.errors import errors_shown
from ui.state import queue, searches, study_label, study_link
from ui.text import key_of, plain

_AT_FIRST = 8
_FIND_FROM = 4  # studies, from which on a field to find one is worth its place


def study_list() -> None:
    """All studies, the newest first, and those that were deleted."""
    studies = list_studies()
    if not studies:
        st.caption("None yet: what is opened above can be opened here again.")
    words = ""
    if len(studies) >= _FIND_FROM:
        words = st.text_input("Find a study", key="find_study", placeholder="words of its name")
    found = searched(studies, words)
    if studies and not found:
        st.caption(f"None of the {len(studies)} studies is called so.")
    _rows(found)
    _deleted(list_studies(deleted=True))


def _rows(found: Sequence[StudyInfo]) -> None:
    everything = st.session_state.get("all_studies", False)
    for info in found if everything else found[:_AT_FIRST]:
        with st.container(horizontal=True, vertical_alignment="center"):
            study_link(info)
            _change(info)
    if len(found) > _AT_FIRST and not everything:
        st.button(
            f"Show all {len(found)} studies",
            on_click=st.session_state.update,
            args=({"all_studies": True},),
        )


def _change(info: StudyInfo) -> None:
    """A small menu. Deleting asks; that it can be undone is said."""
    key = key_of("study", info.name)
    place = key_of("change", info.name, info.title)  # another one once renamed: it closes
    with st.popover("Change", type="tertiary", key=place):
        with st.form(f"name:{key}", border=False):  # Enter renames too
            title = st.text_input("Name", info.title, key=f"title:{key}", max_chars=LONGEST_TITLE)
            wanted = st.form_submit_button("Rename", key=f"rename:{key}")
        if wanted and title != info.title:
            with errors_shown():
                rename_study(info.name, title)
                st.rerun()
        st.divider()
        st.caption("What runs in it is stopped. It can be restored at the foot of this page.")
        if st.button("Delete this study", key=f"delete:{key}"):
            with errors_shown():
                _end_all(info.name)
                delete_study(info.name)
                st.rerun()


def _end_all(name: str) -> None:
    """End what runs in a study."""
    study = open_study(name)
    searches().stop(name)
    for trial in study.trials():
        if not trial.finished:
            queue().cancel(study, trial.number)


def _deleted(gone: Sequence[StudyInfo]) -> None:
    if not gone:
        return
    with st.expander(f"Deleted ({len(gone)})", key="deleted_studies"):
        for info in gone:
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(plain(study_label(info)), width="content")
                st.button(
                    "Restore",
                    key=f"restore:{key_of('study', info.name)}",
                    on_click=restore_study,
                    args=(info.name,),
                )
