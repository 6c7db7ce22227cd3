"""Opening a study file on the start page: it is read in a child, and its study opened."""

from collections import defaultdict

import streamlit as st

from optim.recipe import Recipe
from optim.sharing.taking_in import TakenIn, take_in
from optim.studies.choice import telling_here
from optim.targets import LOCAL
from ui import files
from ui.errors import errors_shown
from ui.state import EXPLORE, choose_study, page, room, submit
from ui.text import plain


def study_file() -> None:
    """Ask for a study file; open its study."""
    file = files.given(
        "A study file",
        ["zip"],
        "study_file",
        False,
        "What *The study as one file* on the Export page of another server made. It is read in a "
        "separate process. Its measurements stay labelled with the machine they come from.",
    )
    st.caption(
        "A study of the same model and the same EvalSet that is here already is not doubled: what "
        "the file brings joins it, labelled with its machine, and nothing in it is replaced."
    )
    if file is None:
        return
    here = st.checkbox(
        "Measure the original and its front on this machine too",
        value=True,
        key="study_file_here",
        help="Times of two machines are not compared; the same recipes are measured here again.",
    )
    if st.button("Open the study", type="primary", key="study_file_open"):
        with errors_shown():
            with st.spinner("Reading the study in a separate process ..."), file.on_disk() as path:
                taken = take_in(path)
            _queue(taken, here)
            st.toast(plain(taken.said), duration="long")
            choose_study(taken.study.name)
            st.switch_page(page(EXPLORE), query_params={"study": taken.study.name})


def _queue(taken: TakenIn, here: bool) -> None:
    """What is made anew here: estimates always, measurements where they are wanted."""
    by_target: defaultdict[str, list[Recipe]] = defaultdict(list)
    for recipe, target in taken.estimates:
        by_target[target].append(recipe)
    if here:
        by_target[LOCAL] = telling_here(taken.study.trials())
    left = room()
    for target, recipes in sorted(by_target.items(), key=lambda item: item[0] != LOCAL):
        submit(taken.study, recipes[:left], target, "import")
        left -= len(recipes[:left])
