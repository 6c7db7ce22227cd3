"""Explore: toggle, watch the trade-off chart fill in, find out why, keep what is good."""

import streamlit as st

from optim.studies.choice import best_within
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets
from ui import charts
from ui.builder import builder
from ui.live_chart import live_chart
from ui.news import redraw_on_news, stamp_of
from ui.panel import panel
from ui.parts import target_label
from ui.points import front_numbers, marks
from ui.quantities import LATENCY, QUALITY, Quantity, quantities
from ui.state import choose_trial, chosen_trial, require_study, trials_in_address
from ui.table import queue_list, trial_table
from ui.text import plain, size

_LOSS = 0.01
_CHART = "chart"


def _header(study: Study) -> None:
    model, evalset = study.model, study.evalset
    st.subheader(plain(model.name), anchor=False)
    made_up = (
        " Inputs are made up: quality is only fidelity to the original."
        if evalset.synthetic
        else ""
    )
    here = plain(all_targets()[LOCAL].title)
    facts = (f"{model.node_count:,} nodes", size(model.size_bytes), here, plain(evalset.split_note))
    st.caption(" · ".join(facts) + made_up)


def _axes(study: Study, trials: list[Trial]) -> tuple[Quantity, Quantity, bool]:
    known = quantities(study.evalset.metric, trials)
    names = list(known)
    left, middle, right = st.columns([3, 3, 1.4], vertical_alignment="bottom")
    with left:
        x = st.selectbox("Across", names, names.index(LATENCY), lambda n: known[n].title, key="x")
    with middle:
        y = st.selectbox("Up", names, names.index(QUALITY), lambda n: known[n].title, key="y")
    with right:
        log = st.toggle("Log", key="log", help="Logarithmic scale across")
    return known[x], known[y], log


def _on_hardware(trials: list[Trial]) -> list[Trial]:
    """The trials on the targets that are wanted, if there is a choice."""
    targets = list(dict.fromkeys(trial.target for trial in trials))
    if len(targets) < 2:
        return trials
    wanted = st.pills(
        "Hardware",
        targets,
        selection_mode="multi",
        default=targets,
        key=f"hardware:{len(targets)}",
        format_func=_short_label,
        label_visibility="collapsed",
    )
    return [trial for trial in trials if trial.target in wanted]


def _short_label(name: str) -> str:
    """A target's label without the particulars, so that several fit beside each other."""
    target = all_targets()[name]
    return target_label(target.model_copy(update={"title": target.title.partition(",")[0]}))


def _chart(
    study: Study, trials: list[Trial], shown: int | None, x: Quantity, y: Quantity, log: bool
) -> None:
    key = f"{_CHART}:{study.name}:{x.name}:{y.name}:{log}"
    drawn = marks(trials, x, y)
    figure = charts.trade_off(
        drawn,
        charts.Axis(x.axis, x.higher_is_better, log),
        charts.Axis(y.axis, y.higher_is_better),
        shown,
        view=key,
    )
    live_chart(
        figure,
        key,
        f"{y.title} against {x.title} of {len(drawn)} trials",
        shown,
        lambda number: choose_trial(study, number),
    )
    missing = [t for t in trials if not t.finished and t.number not in {m.number for m in drawn}]
    failed = sum(trial.state == "failed" for trial in trials)
    notes = []
    if missing:
        first = next((t for t in missing if t.phase), missing[0])
        notes.append(
            f"{len(missing)} on the way, now {first.phase or 'waiting'}: {first.recipe.spelling}"
        )
    if failed:
        notes.append(f"{failed} failed; the table says why")
    st.caption(plain(" · ".join(notes)) if notes else "Click a point for its details.")


@st.fragment
def _live() -> None:
    """All but the builder, drawn anew by itself: a rerun of the page would lose what is typed."""
    study = st.session_state["open_study"]
    trials = study.trials()
    stamp = stamp_of(trials)
    chart, side = st.columns([5, 3], gap="medium")
    trial = _looked_at(study, trials)
    with chart:
        x, y, log = _axes(study, trials)
        _chart(study, _on_hardware(trials), trial and trial.number, x, y, log)
        st.subheader("Queue")
        queue_list(study, trials)
    with side:
        if trial:
            panel(study, trial, trials, x, y)
        else:
            st.caption("The first point appears within seconds.")
    st.subheader("Trials")
    trial_table(study, trials, front_numbers(trials, x, y))
    redraw_on_news(study.name, stamp)


def _looked_at(study: Study, trials: list[Trial]) -> Trial | None:
    """The chosen trial; until one is chosen, the fastest within one percent of loss."""
    number = chosen_trial(study)
    chosen = next((trial for trial in trials if trial.number == number), None)
    return chosen or best_within(trials, _LOSS) or next(iter(trials), None)


study = require_study()
st.session_state["open_study"] = study
if chosen_trial(study) is None:
    choose_trial(study, next((trial.number for trial in trials_in_address(study)), None))
_header(study)
with st.sidebar:
    builder(study)
_live()
