"""Hardware: the original and one recipe on every target at once, and a target's roofline."""

import streamlit as st

from optim.names import legible
from optim.showing.hardware import Bar, hardware_chart, ordered
from optim.showing.roofline import left_out, roofline_chart
from optim.showing.text import milliseconds
from optim.studies.picking import picked
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets
from optim.targets.estimate import METHOD
from ui import all_hardware, serve_twin
from ui.errors import errors_shown
from ui.parts import target_facts
from ui.scroll import into_view
from ui.state import (
    EXPLORE,
    PARTS,
    PARTS_TAB,
    TARGETS_TAB,
    WHY,
    choose_trial,
    goal_of,
    page,
    require_study,
    trials_in_address,
)
from ui.text import key_of, plain

_TARGET, _CLICKS = "target", "hardware_clicks"


def _choose(study: Study) -> Trial | None:
    known = all_hardware.choices(study)
    key = key_of("hardware", study.name)
    if st.session_state.get(key) not in known:
        wanted = (*trials_in_address(study), picked(study.trials(), goal_of(study)))
        st.session_state[key] = all_hardware.at_first(known, wanted)
    if not known:
        st.info("Only the original has been built so far: build a recipe to see it beside it.")
        st.page_link(page(EXPLORE), label="Go to Explore", query_params={"study": study.name})
        return None
    number = st.selectbox(
        "Recipe, beside the original",
        list(known),
        format_func=lambda number: f"#{number} {legible(known[number].recipe.spelling, 200)}",
        key=key,
    )
    st.query_params["trial"] = str(number)
    choose_trial(study, number)
    return known[number]


def _bars(found: list[Bar]) -> None:
    """The chart. A click on a bar shows that target's roofline below."""
    clicks = st.session_state.setdefault(_CLICKS, 0)
    key = f"hardware:{clicks}"  # another chart after each click: nothing in it stays pale
    with st.container(key="wide-bars"):
        st.plotly_chart(
            hardware_chart(found),
            key=key,
            on_select=lambda: _clicked(key),
            selection_mode="points",
            config={"displayModeBar": False},
            alt="Time of one run on every hardware, sorted; the table below has the same figures",
        )
    st.caption(plain(METHOD))
    for refused in all_hardware.refusals(found):
        st.caption(refused)
    with st.expander("All figures"):
        st.dataframe(all_hardware.table(found), hide_index=True, key="figures")


def _clicked(key: str) -> None:
    """Read before the page is drawn anew: with news of a trial the chart is another one then."""
    if points := st.session_state[key]["selection"]["points"]:
        st.session_state[_TARGET] = points[0]["customdata"][0]
        st.session_state[_CLICKS] += 1


def _target(found: list[Bar]) -> str:
    """The target whose roofline is shown: clicked, chosen, asked for, else the fastest modelled."""
    names = [bars[0].target for bars in ordered(found)]
    if st.session_state.get(_TARGET) not in names:
        asked = st.query_params.get(_TARGET)
        fastest = next(name for name in names if name != LOCAL)
        st.session_state[_TARGET] = asked if asked in names else fastest
    chosen = st.selectbox(
        "Roofline of (or click a bar)",
        names,
        format_func=lambda name: all_targets()[name].title,
        key=_TARGET,
    )
    st.query_params[_TARGET] = chosen
    return chosen


def _roofline(study: Study, trial: Trial | None, name: str) -> None:
    if name == LOCAL:
        st.info(
            "This machine is measured, not modelled. Why tells where the time of a trial goes, "
            "node by node; Parts has what its engines reach."
        )
        query = {"study": study.name, **({"trial": str(trial.number)} if trial else {})}
        st.page_link(page(WHY), label="Why", query_params=query)
        label, tab = "What this machine's engines reach", {PARTS_TAB: TARGETS_TAB}
        st.page_link(page(PARTS), label=label, query_params=tab)
        return
    target, found = all_targets()[name], all_hardware.roofline_of(study, trial, name)
    if found is None:
        st.info(f"{plain(target.title)} cannot run this recipe; why is said above.")
        return
    st.plotly_chart(
        roofline_chart(found),
        key="roofline",
        config={"displayModeBar": False},
        alt="Roofline: each operator's FLOP per byte against its FLOP per second",
    )
    st.caption(
        f"{'The original' if trial is None else f'#{trial.number}'} on {plain(target.title)}. Each "
        "point is an operator after fusion; its area is the time it takes, its start included. "
        "Points are estimated, the roof is the datasheet's. Far below the roof, a start or a "
        f"small size costs more than the work. Each run costs {milliseconds(found.run_us / 1e3)} "
        f"by itself. {left_out(found)}"
    )
    with st.expander(f"Datasheet of {plain(target.title)}, each figure with its source"):
        if target.interval:
            st.caption(plain(f"Interval of the estimate: {target.interval.source}"))
        st.table(target_facts(target), border="horizontal")


study = require_study()
st.subheader(f"Hardware for {plain(study.title)}", anchor=False)
trial = _choose(study)
with errors_shown():
    with st.spinner("Estimating every hardware ..."):
        shown = all_hardware.bars(study, trial)
    if disagreement := all_hardware.disagreement(shown, trial):
        st.warning(plain(disagreement))
    _bars(shown)
    if st.session_state[_CLICKS]:
        into_view(f"click {st.session_state[_CLICKS]}")
    st.subheader("Roofline", anchor=False)
    _roofline(study, trial, _target(shown))
of_twin = trial or next(iter(study.trials()), None)
if of_twin and of_twin.model_digest:
    serve_twin.show(study, of_twin)
