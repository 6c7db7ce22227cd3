"""Whose gain is it: a trial's shares as a waterfall, and what must be measured for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import streamlit as st

from optim.recipe import Recipe
from optim.showing import text
from optim.studies.study import Study, open_study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.why import whose
from optim.why.shares import missing, sub_recipes
from optim.why.toggles import toggles_of
from ui.errors import errors_shown
from ui.state import queue, submit
from ui.text import key_of, plain

_POLL_SECONDS = 2.0
_ORIGIN = "why"


def whose_gain(study: Study, trial: Trial) -> None:
    """The section on one trial; it fills by itself while sub-recipes are measured."""
    if trial.target != LOCAL:
        st.caption("Shares come from measured trials; this one is an estimate.")
    elif not toggles_of(trial.recipe):
        st.caption("This is the original as it comes: there is no gain to share.")
    else:
        with errors_shown():
            waiting = bool(_State.of(study, trial.number).under_way)
            every = _POLL_SECONDS if waiting else None
            st.fragment(_section, run_every=every)(study.name, trial.number, waiting)


@dataclass(frozen=True)
class _State:
    """A trial's sub-recipes: all, those with no figures yet, and the trials that are not done."""

    study: Study
    trial: Trial
    trials: Sequence[Trial]
    wanted: Sequence[Recipe]
    left: Sequence[Recipe]
    under_way: Sequence[Trial]

    @classmethod
    def of(cls, study: Study, number: int) -> Self:
        """As it stands. Raises InputError where the trial's recipe failed."""
        trial, trials = study.trial(number), study.trials()
        known, failed = whose.readings(trials)
        wanted = sub_recipes(trial.recipe, failed)
        mine = [one for one in trials if one.recipe in wanted and one.target == LOCAL]
        left = missing(trial.recipe, known, failed)
        return cls(study, trial, trials, wanted, left, [t for t in mine if not t.finished])


def _section(name: str, number: int, was_waiting: bool) -> None:
    with errors_shown():
        state = _State.of(open_study(name), number)
        if bool(state.under_way) != was_waiting:
            st.rerun()
        if len(state.wanted) == 2 and not state.left:
            (toggle,) = toggles_of(state.trial.recipe)[:1]
            st.caption(f"All of it is {plain(toggle.name)}'s: nothing else is switched on.")
            return
        if state.under_way:
            _progress(state)
        if state.left:
            _to_measure(state)
        else:
            _divided(state)
        with st.expander("Measured sub-recipes", expanded=bool(state.left and state.under_way)):
            rows = sub_rows(state.wanted, state.trials, state.study.evalset.metric)
            st.dataframe(rows, hide_index=True, key=key_of("sub", name, number))


def _progress(state: _State) -> None:
    total, numbers = len(state.wanted), {trial.number for trial in state.under_way}
    if not state.left:
        many = len(state.under_way)
        st.caption(f"{many} of {total} recipes are still being timed: intervals get narrower.")
        return
    waits = [
        item.seconds_left
        for item in queue().pending()
        if item.study == state.study.name and item.number in numbers and item.seconds_left
    ]
    about = f"; about {text.seconds(max(waits))} left" if waits else ""
    done = total - len(state.left)
    st.progress(done / total, f"{done} of {total} recipes have figures{about}")


def _to_measure(state: _State) -> None:
    begun = {trial.recipe for trial in state.under_way}
    new = [recipe for recipe in state.left if recipe not in begun]
    if not new:
        return
    st.caption(
        "Each toggle's own share of gain and loss comes from the recipe's parts, measured by "
        f"themselves and together. {whose.cost_told(new, state.trials, queue().pending())}"
    )
    about = text.seconds(whose.seconds_for(new, state.trials))
    st.button(
        f"Measure {len(new)} sub-recipe{'s' * (len(new) > 1)}, about {about}",
        key=key_of("measure", state.study.name, state.trial.number),
        on_click=_measure,
        args=(state.study, new),
        icon=":material/play_arrow:",
    )


def _measure(study: Study, recipes: Sequence[Recipe]) -> None:
    with errors_shown():
        submit(study, recipes, LOCAL, _ORIGIN)


def _divided(state: _State) -> None:
    metric = state.study.evalset.metric
    shares = whose.shares_among(state.trial, state.trials)
    key = key_of("shares", state.trial.number, shares.recipe)
    st.plotly_chart(whose.drawn(shares, metric), key=key, alt=whose.told(shares, metric))
    for said in (*whose.interactions_told(shares, metric), *shares.notes):
        st.markdown(f"- {plain(said)}")
    st.caption(plain(whose.how_got(shares)))


def sub_rows(
    wanted: Sequence[Recipe], trials: Sequence[Trial], metric: str
) -> list[dict[str, str]]:
    """Rows of a table: each sub-recipe with its gain and loss, or how far it has got."""
    known, failed = whose.readings(trials)
    states = {trial.recipe: trial.state for trial in trials if trial.target == LOCAL}
    shown = whose.loss_shown(metric)
    rows = []
    for recipe in wanted:
        gain = loss = ""
        if recipe == Recipe.baseline():
            gain, state = text.times(1), "the original itself"
        elif reading := known.get(recipe):
            gain = text.spanned(reading.factor, text.times)
            loss, state = text.spanned(reading.loss, shown), states.get(recipe, "done")
        else:
            state = failed.get(recipe, states.get(recipe, "not measured"))
        rows.append({"recipe": recipe.spelling, "gain": gain, "loss": loss, "state": state})
    return rows
