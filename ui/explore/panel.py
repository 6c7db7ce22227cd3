"""The chosen trial: what it gains, what it costs, what was done, and what can be done with it."""

from collections.abc import Sequence

import streamlit as st

from optim.evalset import relabelled
from optim.findings import percent
from optim.search.explore import starting_set
from optim.showing import text
from optim.showing.figures import figures
from optim.showing.points import Plane, hardware
from optim.studies.study import Study, create_study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from optim.targets.estimate import Estimate
from ui.errors import errors_shown
from ui.explore import details
from ui.explore.actions import actions
from ui.headline import headline
from ui.state import choose_study, submit
from ui.text import as_code, plain

TABS = "panel"
"""Key of the tab that is looked at."""
_LONGEST_HELP = 200
_SAID = ("collapsed", "few_samples")
"""Cautions that the verdict on the quality, which stands above them, has said."""
_STATES = {
    "waiting": ":gray-badge[waiting]",
    "running": ":blue-badge[running]",
    "tightening": ":blue-badge[measured, interval tightening]",
    "done": ":green-badge[done]",
    "failed": ":red-badge[failed]",
    "cancelled": ":gray-badge[cancelled]",
    "interrupted": ":gray-badge[interrupted]",
}
_UNDER_WAY = {
    "waiting": "It waits for the machine.",
    "running": "Under way: *Queue*, below the chart, tells what is done at the moment.",
    "tightening": "Its time comes soon.",
}


def panel(study: Study, trial: Trial, trials: Sequence[Trial], plane: Plane) -> None:
    """Everything on one trial, for the column beside the chart."""
    where = "" if trial.target == LOCAL else f" on {plain(hardware(trial.target))}"
    pinned = " :violet-badge[pinned]" if trial.pinned else ""
    state = ":violet-badge[estimate]" if trial.estimate else _STATES[trial.state]
    st.markdown(f"**Trial {trial.number}**{where} {state}{pinned}")
    st.html(as_code(trial.recipe.spelling))
    actions(study, trial)
    known, passes, figures_ = st.tabs(["Summary", "Passes", "Figures"], key=TABS, on_change="rerun")
    # Only what is seen is drawn: all of it is drawn anew at every news.
    if known.open:
        with known:
            _summary(study, trial, trials, plane)
    if passes.open:
        with passes:
            details.passes(trial)
    if figures_.open:
        with figures_:
            details.all_figures(study, trial, trials)


def _summary(study: Study, trial: Trial, trials: Sequence[Trial], plane: Plane) -> None:
    """What matters most of it, and what limits that."""
    _ended(trial)
    _speed(study, trial)
    _quality(study, trial)
    _ties(trials, trial, plane)
    _warnings(study, trial)
    details.note(study, trial)


def _ended(trial: Trial) -> None:
    """Why it ended as it did; quietly where nothing is wrong with it."""
    if trial.state == "interrupted":
        known = "What is known of it stands: " if trial.has_point else ""
        why = trial.error.removesuffix(" Retry it.")  # as earlier versions stored it
        st.caption(f"{plain(why)} {known}*Go on* measures {'the rest' if known else 'it'}.")
    elif trial.error:
        st.error(plain(trial.error))


def _speed(study: Study, trial: Trial) -> None:
    """How fast it is: measured, estimated, or on the way."""
    found = trial.estimate
    if trial.summary:
        headline(trial, study.evalset.metric)
        if trial.is_original:
            st.caption("Timed against itself: what differs from 1× is noise of this machine.")
        _threads(study, trial)
    elif found and found.interval:
        st.metric("Latency, estimate", text.milliseconds(found.value))
        between = text.ends(found.interval, text.milliseconds)
        st.caption(f"{between}. {_spent(found)} {plain(found.method)}")
    elif not trial.finished:
        st.caption(_UNDER_WAY[trial.state])


def _threads(study: Study, trial: Trial) -> None:
    gain = figures(study.evalset.metric)["thread_gain"].text(trial)
    if gain:
        st.caption(
            f"{trial.recipe.runtime.threads} threads by themselves give {gain}; "
            "that is not in the speed-up."
        )


def _spent(found: Estimate) -> str:
    """What most of an estimated latency goes into."""
    bound, share = max(found.bound_by.items(), key=lambda item: item[1])
    words = {"compute": "arithmetic", "memory": "moving data", "dispatch": "starting operators"}
    return f"{percent(share)} of it is {words[bound]}."


def _quality(study: Study, trial: Trial) -> None:
    if not trial.quality:
        return
    quality = trial.quality
    box = st.error if quality.collapsed else st.info
    more = "" if quality.complete or trial.finished else " More samples follow."
    box(plain(quality.verdict) + more)


def _relabel(study: Study, trial: Trial) -> None:
    """The change of the labels that the box above speaks of, with one click."""
    change = trial.quality.relabelling if trial.quality else ""
    if not change or all(caution.code != "labels_do_not_fit" for caution in trial.warnings):
        return
    about = f"Opens a study of the same model and samples with the labels changed ({change})."
    if st.button("Take this change of the labels", key="relabel", help=about[:_LONGEST_HELP]):
        with errors_shown(), st.spinner("Changing the labels ..."):
            other = create_study(study.model, relabelled(study.evalset, change))
            submit(other, starting_set(other.model), LOCAL, "start")
            choose_study(other.name)
            st.rerun()  # of the page, of which this is a part


def _ties(trials: Sequence[Trial], trial: Trial, plane: Plane) -> None:
    tied = sorted(plane.tied_with(trials, trial.number))
    if not tied:
        return
    names = ", ".join(f"#{number}" for number in tied[:8])
    more = f" and {len(tied) - 8} more" if len(tied) > 8 else ""
    why = (
        ": neither the paired speed-ups nor the qualities tell them apart."
        if plane.is_the_studys
        else " on these axes: the intervals overlap on both."
    )
    st.caption(f"A tie with {names}{more}{why}")


def _warnings(study: Study, trial: Trial) -> None:
    """What limits the numbers: one box per severity, remarks folded away."""
    cautions = [caution for caution in trial.warnings if caution.code not in _SAID]
    lines = {
        severity: _listed([plain(w.text) for w in cautions if w.severity == severity])
        for severity in ("error", "warning", "info")
    }
    if lines["error"]:
        st.error(lines["error"])
        _relabel(study, trial)
    if lines["warning"]:
        st.warning(lines["warning"])
    if lines["info"]:
        with st.expander("Remarks on these numbers"):
            st.caption(lines["info"])


def _listed(said: Sequence[str]) -> str:
    """As a list, where there is more than one."""
    return "\n".join(f"- {each}" for each in said) if len(said) > 1 else "".join(said)
