"""Serve: a trial behind a real server, loaded at rising rates, and the curve that decides."""

from collections.abc import Sequence

import streamlit as st

from optim.serving.settings import Serving
from optim.studies.study import Study
from optim.studies.trial import Trial
from ui import export
from ui.errors import errors_shown
from ui.serve.choosing import asked, seconds, servings
from ui.serve.showing import limit, shown
from ui.state import EXPORT, HARDWARE, loads, page, require_study
from ui.text import plain

_TICK = "1s"


def _begin(study: Study, trial: Trial, chosen: Sequence[Serving], each_s: float) -> None:
    """The button, and the settings in their one spelling."""
    under = loads().of(study, trial.number)
    with st.container(horizontal=True, vertical_alignment="center"):
        if under.under_way:
            st.button("Stop", key="stop", on_click=loads().stop, args=(study, trial.number))
        elif st.button("Load it", type="primary", key="load"):
            loads().start(study, trial.number, chosen, each_s)
            st.rerun()
        st.markdown(" against ".join(f"{plain(one.words)}" for one in dict.fromkeys(chosen)))


def _results(study: Study, trial: Trial, limit_ms: float, watching: bool) -> None:
    """Drawn anew every second while something is found out."""
    under = loads().of(study, trial.number)
    if watching and not under.under_way:
        st.rerun(scope="app")
    if under.under_way:
        st.progress(min(under.share, 1.0), plain(f"{under.doing} ..."))
    elif under.error:
        st.warning(plain(under.error))
    elif not under.curves:
        st.info(
            "Press Load it: a real server is started here and asked at rising rates, for 30 s or "
            "more in all. Then you see how long answers take, and how many it can give."
        )
    with errors_shown():
        if under.curves:
            shown(under, limit_ms)


def _onward(study: Study, trial: Trial) -> None:
    """What people ask next, and where it is answered."""
    query = {"study": study.name, "trial": str(trial.number)}
    with st.container(horizontal=True):
        for path, label in (
            (HARDWARE, "How many machines for a rate: the twin, on Hardware"),
            (EXPORT, "What a setting earns: the decision in money, on Export"),
        ):
            st.page_link(page(path), label=label, query_params=query)


def _page(study: Study) -> None:
    st.subheader(f"Serve {plain(study.title)}", anchor=False)
    st.caption(
        "In production the model is only part of the wait: requests queue, wait for a batch, are "
        "written and read. Here a real server answers, and is asked more and more often."
    )
    left, middle, right, last = st.columns([3, 3, 3, 1], gap="medium")
    with left:
        trial = export.chosen("Trial to serve", "serve", study)
    if trial is None:
        export.nothing_yet(
            study, "Nothing has been measured on this machine yet; what is served has to be."
        )
        return
    with errors_shown():
        with middle:
            compared = asked()
        with right:
            limit_ms = limit()
        with last:
            each_s = seconds()
        _begin(study, trial, servings(compared), each_s)
    watching = loads().of(study, trial.number).under_way
    st.fragment(run_every=_TICK if watching else None)(_results)(study, trial, limit_ms, watching)
    _onward(study, trial)


_page(require_study())
