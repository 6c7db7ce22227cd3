"""What the chart and the table show: the axes, and which trials. All of it is in the address."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from optim.showing.figure import TrialFigure, Where
from optim.showing.figures import LATENCY, QUALITY, figures_for
from optim.showing.points import Plane
from optim.studies.choice import front_of
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import all_targets
from ui.parts import target_label


@dataclass(frozen=True)
class Shown:
    """The trials that are wanted, in the order of the study, and how the chart draws them."""

    trials: Sequence[Trial]
    plane: Plane
    log: bool


def filters(study: Study, trials: Sequence[Trial]) -> Shown:
    """The widgets, and what they ask for."""
    plane, log = _plane(study, trials)
    wanted = _wanted(_on_hardware(trials))
    return Shown(wanted, plane, log)


def _plane(study: Study, trials: Sequence[Trial]) -> tuple[Plane, bool]:
    """What the chart shows across and up, and whether across is logarithmic."""
    known = figures_for(Where.AXIS, study.evalset.metric, trials)
    left, middle, right = st.columns([3, 3, 1.4], vertical_alignment="bottom")
    with left:
        x = _axis("Across", "x", LATENCY, known)
    with middle:
        y = _axis("Up", "y", QUALITY, known)
    with right:
        log = st.toggle("Log", key="log", help="Logarithmic scale across", bind="query-params")
    return Plane(known[x], known[y]), log


def _axis(label: str, key: str, start: str, known: Mapping[str, TrialFigure]) -> str:
    """The name of the figure that is shown along one axis."""
    names = list(known)
    chosen: str = st.selectbox(
        label,
        names,
        names.index(start),
        lambda name: known[name].title,
        key=key,
        bind="query-params",
    )
    return chosen


def _wanted(trials: Sequence[Trial]) -> list[Trial]:
    left, right = st.columns([4, 3.4], vertical_alignment="center")
    with left:
        words = st.text_input(
            "Filter",
            key="filter",
            placeholder="Filter: part of a recipe, a state, a note",
            label_visibility="collapsed",
            bind="query-params",
        )
    with right:
        only_front = st.toggle(
            "Only the front and pinned ones", key="only_front", bind="query-params"
        )
    kept = [trial for trial in trials if _fits(trial, words)]
    if not only_front:
        return kept
    on_front = front_of(trials)
    return [trial for trial in kept if trial.number in on_front or trial.pinned]


def _fits(trial: Trial, wanted: str) -> bool:
    where = f"{trial.recipe.spelling} {trial.state} {trial.note} {trial.target}".lower()
    return all(word in where for word in wanted.lower().split())


def _on_hardware(trials: Sequence[Trial]) -> Sequence[Trial]:
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
        bind="query-params",
        label_visibility="collapsed",
    )
    return [trial for trial in trials if trial.target in wanted]


def _short_label(name: str) -> str:
    """A target's label without the particulars, so that several fit beside each other."""
    target = all_targets().get(name)
    if target is None:  # a machine elsewhere, of a study that was taken in
        return name.partition(",")[0]
    return target_label(target.model_copy(update={"title": target.title.partition(",")[0]}))
