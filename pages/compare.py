"""Compare: trials side by side: figures, time per operator, why, and what changed in the graph."""

from collections.abc import Mapping, Sequence

import streamlit as st

from optim.explaining.executed import Side, pairs, time_by_operator
from optim.graph import compare_graphs
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.why.gathering import in_profiles
from ui import charts, compare
from ui.cached import analysis_of_digest
from ui.errors import errors_shown
from ui.state import EXPLORE, WHY, goal_of, page, queue, require_study
from ui.text import plain


def _key(study: Study) -> str:
    return f"compare:{study.name}"


def _choose(study: Study) -> list[Trial]:
    trials = {trial.number: trial for trial in study.trials() if trial.model_digest}
    key = _key(study)
    if key not in st.session_state:
        wanted = compare.asked(st.query_params, st.query_params.get_all("trial"))
        st.session_state[key] = compare.preselected(list(trials.values()), wanted, goal_of(study))
    st.session_state[key] = [number for number in st.session_state[key] if number in trials]
    numbers = st.multiselect(
        "Trials; the first is what the others are compared with",
        list(trials),
        format_func=lambda number: compare.title(trials[number]),
        max_selections=compare.MOST,
        key=key,
    )
    st.query_params.pop("trial", None)
    st.query_params["trials"] = ",".join(map(str, numbers))
    return [trials[number] for number in numbers]


def _figures(study: Study, chosen: Sequence[Trial]) -> None:
    st.table(compare.figures(study, chosen), border="horizontal")
    if said := compare.contradiction(chosen):
        st.info(said)
    if len({trial.target for trial in chosen}) > 1:
        st.warning(
            "These times are of different hardware: estimates and measurements are not comparable."
        )


def _profiles(study: Study, chosen: Sequence[Trial]) -> dict[int, Side] | None:
    """Profiles of the measured trials: at once if nothing else is timed, else when asked for."""
    local = [trial for trial in chosen if trial.target == LOCAL]
    key = f"profile:{study.name}:{[trial.number for trial in local]}"
    if local and queue().pending() and not st.session_state.get(key):
        st.caption("Trials are being measured on this machine; profiling now would disturb them.")
        st.button("Profile anyway", on_click=st.session_state.update, args=({key: True},))
        return None
    with errors_shown():
        return compare.sides(study, local)
    return None


def _why(study: Study, chosen: Sequence[Trial], sides: Mapping[int, Side]) -> None:
    first = sides.get(chosen[0].number)
    others = [trial for trial in chosen[1:] if trial.number in sides]
    if first is None or not others:
        st.caption("Two trials measured on this machine are needed to say why.")
        return
    words, bars = st.columns([1, 1], gap="medium")
    with bars:
        names = {trial.number: f"#{trial.number}" for trial in chosen}
        times = {names[number]: time_by_operator(side) for number, side in sides.items()}
        figure = charts.operator_bars(times)
        st.plotly_chart(figure, key="operators", alt="Time per operator of each trial")
        st.caption(
            "Operators as the graph names them, so that engines can be compared. From each "
            "engine's own profiler, which slows small nodes down: the shares matter, not the sum. "
            + compare.doubts(sides.values())
        )
    with words:
        for trial in chosen:
            if trial.number in sides:
                _held_back(study, trial, sides[trial.number])
    for trial in others:
        with st.expander(f"Node by node: #{trial.number} against #{chosen[0].number}"):
            rows = compare.node_rows(pairs(first, sides[trial.number]))
            st.dataframe(rows, hide_index=True, key=f"nodes:{trial.number}")


def _held_back(study: Study, trial: Trial, side: Side) -> None:
    """What costs a trial time by its profile, and the way to what that costs, measured."""
    st.markdown(f"**{plain(compare.title(trial))}**")
    st.markdown(compare.costs(in_profiles(study, trial, compare.original(study, trial), side)))
    query = {"study": study.name, "trial": str(trial.number)}
    st.page_link(page(WHY), label=f"Why #{trial.number}: costs, timed", query_params=query)


def _precision(chosen: Sequence[Trial], sides: Mapping[int, Side]) -> None:
    compared = {f"#{t.number}": sides[t.number] for t in chosen if t.number in sides}
    if compared:
        st.subheader("Precision that was executed", anchor=False)
        st.table(compare.precision_table(compared), border="horizontal")


def _changes(chosen: Sequence[Trial]) -> None:
    first, *others = (analysis_of_digest(trial.model_digest) for trial in chosen)
    for trial, analysis in zip(chosen[1:], others, strict=True):
        diff = compare_graphs(first, analysis)
        st.markdown(f"**{plain(compare.title(trial))}** against #{chosen[0].number}")
        st.caption(plain(" ".join([*diff.notes, compare.weight_changes(diff)])))
        ops = sorted(diff.added.keys() | diff.removed.keys())
        left, right = st.columns([1, 2], gap="medium")
        if ops:
            changed = {
                "operator": ops,
                "added": [diff.added.get(op, 0) for op in ops],
                "removed": [diff.removed.get(op, 0) for op in ops],
            }
            left.dataframe(changed, hide_index=True, key=f"ops:{trial.number}")
        if diff.fused:
            fused = [
                {"fused node": f.node, "operator": f.op, "made of": " + ".join(f.ops)}
                for f in diff.fused
            ]
            right.dataframe(fused, hide_index=True, key=f"fused:{trial.number}")


def _too_few(study: Study) -> None:
    """What is missing for a comparison, and where to get it."""
    known = len([trial for trial in study.trials() if trial.model_digest])
    query = {"study": study.name}
    if known > 1:
        st.info("Choose two trials or more above, or start with these two.")
        if st.button("The original and the pick", key="suggested"):
            st.session_state.pop(_key(study), None)
            st.query_params.pop("trials", None)
            st.rerun()
    elif queue().pending():
        st.info("The first trials are under way: two that have been built can be compared.")
    else:
        st.info(f"This study has {known or 'no'} trial that was built; comparing takes two.")
    label = "Choose them in Explore's table" if known > 1 else "Measure recipes in Explore"
    st.page_link(page(EXPLORE), label=label, query_params=query)
    if known == 1:
        st.page_link(page(WHY), label="Look at this one alone: Why", query_params=query)


study = require_study()
st.subheader(f"Compare trials of {plain(study.title)}", anchor=False)
chosen = _choose(study)
if len(chosen) < 2:
    _too_few(study)
else:
    with errors_shown():
        _figures(study, chosen)
        st.subheader("Why", anchor=False)
        profiled = _profiles(study, chosen)
        if profiled is not None:
            _why(study, chosen, profiled)
            _precision(chosen, profiled)
        st.subheader("What changed in the graph", anchor=False)
        _changes(chosen)
