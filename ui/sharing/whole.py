"""Share the whole study: a report, a slide, trials and recipes, the study itself as one file."""

import json
from collections.abc import Callable
from datetime import date
from functools import partial

import streamlit as st

from optim.recipe import Recipe
from optim.sharing.browser import NO_BROWSER, browser, pdf_of
from optim.sharing.recipes import recipes_in, written
from optim.sharing.report import open_ends, study_report
from optim.sharing.telling import chart_of, machine_of, title_of
from optim.sharing.writing import study_zip
from optim.showing.records import as_csv, numbered
from optim.showing.story import has_place, on_stage
from optim.studies.choice import front_of
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from ui.errors import errors_shown
from ui.export import bundle_name, link
from ui.notebooks import notebook_button
from ui.sharing.slides import slide_button
from ui.state import EXPLORE, goal_of, page, submit
from ui.text import key_of, plain


def share_the_study(study: Study) -> None:
    """The part of the Export page that is about all trials together."""
    trials = study.trials()
    if still_open := open_ends(trials):
        st.caption(plain(" ".join(still_open)))
    left, middle, right = st.columns(3)
    with left, st.container(border=True, height="stretch"):
        _report(study, trials)
    with middle, st.container(border=True, height="stretch"):
        _trials(study, trials)
    with right, st.container(border=True, height="stretch"):
        _file(study)
    _recipes_in(study)


def _report(study: Study, trials: list[Trial]) -> None:
    st.markdown("**Report and slide**")
    st.caption(
        "Verdict, chart, the best five, why, what to keep in mind, hardware: one HTML file that "
        "opens anywhere and prints well."
    )
    goal, today, name = goal_of(study), date.today().isoformat(), f"{study.name}-report"
    make = partial(study_report, study, goal, today)
    with st.container(horizontal=True, vertical_alignment="center"):
        _download("HTML report", make, f"{name}.html", "text/html", "primary")
        if browser():
            _pdf(study, make, f"{name}.pdf")
    if not browser():
        st.caption(plain(NO_BROWSER))
    shown = on_stage(trials)
    if any(map(has_place, shown)):
        foot = " · ".join(filter(None, (machine_of(shown), today)))
        title = title_of(study, shown, goal)
        slide_button("Slide of the chart (PNG)", chart_of(study, shown, goal), title, foot)
        st.caption("16:9, light, 2560 x 1440. Point at any chart for a *Slide* of it.")


def _pdf(study: Study, make: Callable[[], str], name: str) -> None:
    """The PDF in two clicks: it takes seconds, and may fail with a reason."""
    key = key_of("pdf", study.name, len(study.trials()))
    place = st.empty()  # one button where the other was
    if key not in st.session_state and place.button("Make the PDF", key="pdf"):
        with errors_shown(), place, st.spinner("Printing the report ..."):
            st.session_state[key] = pdf_of(make())
    if key in st.session_state:
        with place:
            _download("Download the PDF", st.session_state[key], name, "application/pdf", "primary")


def _trials(study: Study, trials: list[Trial]) -> None:
    st.markdown("**Trials and recipes**")
    st.caption(
        f"{len(trials)} trials with every figure and interval, for a spreadsheet or a program; and "
        "the recipes alone, one a line, which the box below takes in again."
    )
    metric = study.evalset.metric

    def records() -> list[dict[str, object]]:
        return numbered(trials, metric, front_of(trials))

    def as_json() -> str:
        return json.dumps(records(), indent=1)

    def alone() -> str:
        return written((trial.recipe for trial in trials), f"recipes of {study.title}")

    with st.container(horizontal=True):
        _download("CSV", lambda: as_csv(records()), f"{study.name}.csv", "text/csv")
        _download("JSON", as_json, f"{study.name}.json", "application/json")
        _download("Recipes", alone, f"{study.name}-recipes.txt", "text/plain")


def _file(study: Study) -> None:
    st.markdown("**The study as one file**")
    st.caption(
        "Model, samples, recipes and every raw measurement with its machine. Somebody else opens "
        "it on the start page and goes on from there. Whoever gets it has the model and the data."
    )
    key = key_of("study_file", study.name, len(study.trials()))
    with st.container(horizontal=True):
        wanted = st.button("Make the study file", key="make_study")
        notebook_button(study)
    if wanted:
        with errors_shown(), st.spinner("Writing the study ..."):
            st.session_state[key] = study_zip(study)
    if digest := st.session_state.get(key):
        st.html(link(digest, bundle_name(study, digest), "Download the study"), width="content")


def _recipes_in(study: Study) -> None:
    """Recipes of a file, all measured with one click, which leads to where they appear."""
    with st.expander("Take in recipes from a file"):
        file = st.file_uploader(
            "Recipes: one spelling a line, or the CSV or JSON of trials",
            type=["txt", "csv", "json"],
            key="recipes_in",
            max_upload_size=1,
        )
        if file is None:
            return
        with errors_shown():
            found = recipes_in(file.getvalue())
            known = {trial.recipe.digest for trial in study.trials() if trial.target == LOCAL}
            new = [recipe for recipe in found if recipe.digest not in known]
            st.caption(_told(len(found), len(found) - len(new)))
            st.code("\n".join(recipe.spelling for recipe in found), language=None)
            _queue(study, new)


def _told(found: int, known: int) -> str:
    if known == found:
        return f"{found} recipes: all of them are here already, so there is nothing to measure."
    return f"{found} recipes{f', {known} of them are here already' if known else ''}."


def _queue(study: Study, new: list[Recipe]) -> None:
    label = f"Measure these {len(new)}" if len(new) > 1 else "Measure it"
    if new and st.button(label, type="primary", key="queue_recipes"):
        submit(study, new, LOCAL, "import")
        st.switch_page(page(EXPLORE), query_params={"study": study.name})


def _download(label: str, data: object, name: str, mime: str, kind: str = "secondary") -> None:
    st.download_button(
        label,
        data,  # type: ignore[arg-type]
        name,
        mime=mime,
        on_click="ignore",
        key=f"take:{label}",
        type=kind,  # type: ignore[arg-type]
    )
