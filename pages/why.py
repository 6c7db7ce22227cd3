"""Why: where a trial's time went, whose gain it is, where its quality went."""

from collections.abc import Callable, Sequence

import streamlit as st

from optim.studies.picking import picked
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from ui.errors import errors_shown
from ui.state import EXPLORE, goal_of, page, require_study, trials_in_address
from ui.text import key_of, plain
from ui.why.quality import where_quality_went
from ui.why.time import where_time_went
from ui.why.whose import whose_gain

_VIEWS: dict[str, Callable[[Study, Trial], None]] = {
    "Where the time went": where_time_went,
    "Whose gain is it?": whose_gain,
    "Where the quality went": where_quality_went,
}


def _trial(study: Study, trials: Sequence[Trial]) -> Trial | None:
    """The trial to explain: the address's, else the pick, else the fastest; not the original."""
    known = {trial.number: trial for trial in trials if trial.summary and trial.target == LOCAL}
    if not known:
        return None
    wanted = [trial.number for trial in trials_in_address(study) if trial.number in known]
    others = [number for number, trial in known.items() if not trial.recipe.is_baseline]
    pick = picked(trials, goal_of(study))
    fastest = sorted(others, key=lambda number: _gain(known[number]), reverse=True)
    best = [pick.number] if pick and pick.number in others else fastest
    first = (wanted or best or list(known))[0]
    number = st.selectbox(
        "Trial",
        list(known),
        list(known).index(first),
        lambda number: f"#{number} {known[number].recipe.spelling}",
        key=key_of("why-trial", study.name, first),
        label_visibility="collapsed",
    )
    st.query_params["trial"] = str(number)
    return known[number]


def _gain(trial: Trial) -> float:
    return trial.summary.speedup.value if trial.summary else 0.0


def _view() -> str:
    """What to look at; the address may name it by its place."""
    asked = st.query_params.get("view", "")
    names = list(_VIEWS)
    first = names[int(asked)] if asked in map(str, range(len(names))) else names[0]
    chosen = st.segmented_control(
        "View", names, default=first, required=True, key="why-view", label_visibility="collapsed"
    )
    st.query_params["view"] = str(names.index(chosen))
    return chosen


study = require_study()
left, right = st.columns([2, 3], vertical_alignment="center")
left.subheader(f"Why: trials of {plain(study.title)}", anchor=False)
with errors_shown():
    with right:
        chosen = _trial(study, study.trials())
    if chosen is None:
        st.info("Nothing has been measured on this machine yet: there is nothing to explain.")
        st.page_link(page(EXPLORE), label="To Explore", query_params={"study": study.name})
    else:
        _VIEWS[_view()](study, chosen)
