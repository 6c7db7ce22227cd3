"""The chosen trial: what it gains, what it costs, what was done, and what can be done with it."""

from collections.abc import Sequence

import streamlit as st

from optim.evalset import relabelled
from optim.findings import Caution
from optim.search.explore import starting_set
from optim.search.space import circumstances_of, neighbours
from optim.showing import text
from optim.showing.figure import Where
from optim.showing.figures import figures, lines
from optim.showing.points import Plane, hardware
from optim.studies.study import Study, create_study
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets
from optim.targets.estimate import Estimate, estimate
from ui.cached import analysis_of_digest
from ui.errors import errors_shown
from ui.explore import builder
from ui.headline import headline
from ui.state import (
    COMPARE,
    EXPORT,
    GRAPH,
    WHY,
    choose_study,
    choose_trial,
    delete,
    page,
    queue,
    retry,
    submit,
)
from ui.text import key_of, plain

_LONG_LABEL = 60
REDRAW = "redraw_explore"
"""In the session: that the whole page is to be drawn anew, not its live part alone."""
_STATES = {
    "waiting": ":gray-badge[waiting]",
    "running": ":blue-badge[running]",
    "tightening": ":blue-badge[measured, interval tightening]",
    "done": ":green-badge[done]",
    "failed": ":red-badge[failed]",
    "cancelled": ":gray-badge[cancelled]",
    "interrupted": ":orange-badge[interrupted]",
}


def panel(study: Study, trial: Trial, trials: Sequence[Trial], plane: Plane) -> None:
    """Everything on one trial, for the column beside the chart."""
    where = "" if trial.target == LOCAL else f" on {plain(hardware(trial.target))}"
    pinned = " :violet-badge[pinned]" if trial.pinned else ""
    state = ":violet-badge[estimate]" if trial.estimate else _STATES[trial.state]
    st.markdown(f"**Trial {trial.number}**{where} {state}{pinned}")
    st.code(trial.recipe.spelling, language=None, wrap_lines=True)
    if trial.error:
        st.error(plain(trial.error))
    _speed(study, trial)
    _quality(study, trial)
    _ties(trials, trial, plane)
    _warnings(trial.warnings)
    _buttons(study, trial)
    _details(study, trial, trials)


def _speed(study: Study, trial: Trial) -> None:
    """How fast it is: measured, estimated, or on the way."""
    found = trial.estimate
    if trial.summary:
        headline(trial, study.evalset.metric)
        _threads(study, trial)
    elif found and found.interval:
        st.metric("Latency, estimate", text.milliseconds(found.value))
        between = text.ends(found.interval, text.milliseconds)
        st.caption(f"{between}. {_spent(found)} {plain(found.method)}")
    elif not trial.finished:
        st.caption(f"Now: {trial.phase or 'waiting for the machine'} ...")


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
    return f"{share:.0%} of it is {words[bound]}."


def _quality(study: Study, trial: Trial) -> None:
    if not trial.quality:
        return
    quality = trial.quality
    box = st.error if quality.collapsed else st.info
    more = "" if quality.complete or trial.finished else " More samples follow."
    box(plain(quality.verdict) + more)
    if quality.relabelling:
        st.button(
            f"Take the labels with {quality.relabelling}"[:_LONG_LABEL],
            key="relabel",
            on_click=_relabel,
            args=(study, quality.relabelling),
            help="Opens a study of the same model and samples with the labels changed.",
        )


def _relabel(study: Study, change: str) -> None:
    with errors_shown(), st.spinner("Changing the labels ..."):
        other = create_study(study.model, relabelled(study.evalset, change))
        submit(other, starting_set(other.model), LOCAL, "start")
        choose_study(other.name)


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


def _warnings(warnings: Sequence[Caution]) -> None:
    """What limits the numbers: one box per severity, remarks folded away."""
    lines = {
        severity: "\n".join(f"- {plain(w.text)}" for w in warnings if w.severity == severity)
        for severity in ("error", "warning", "info")
    }
    if lines["error"]:
        st.error(lines["error"])
    if lines["warning"]:
        st.warning(lines["warning"])
    if lines["info"]:
        with st.expander("Remarks on these numbers"):
            st.caption(lines["info"])


def _buttons(study: Study, trial: Trial) -> None:
    number = trial.number
    with st.container(horizontal=True, gap="small"):
        st.button(
            "Edit a copy",
            key="copy",
            on_click=_edit,
            args=(trial,),
            help="Set the recipe builder to this recipe.",
        )
        st.button(
            "Try what is near",
            key="near",
            on_click=_near,
            args=(study, trial),
            help="Queues its neighbours: recipes with one setting changed, or one pass more.",
        )
        if not trial.finished:
            st.button("Cancel", key="cancel", on_click=_cancel, args=(study, number))
        if trial.state in ("failed", "cancelled", "interrupted"):
            st.button("Retry", key="retry", on_click=_retry, args=(study, number))
        st.button(
            "Unpin" if trial.pinned else "Pin",
            key="pin",
            on_click=study.pin,
            args=(number, not trial.pinned),
        )
        st.button(
            "Delete",
            key="delete",
            on_click=delete,
            args=(study, [number]),
            disabled=trial.is_original,
            help="The original stays: all others are compared with it."
            if trial.is_original
            else "Can be undone.",
        )
    with st.container(horizontal=True, gap="small"):
        query = {"study": study.name, "trial": str(number)}
        st.page_link(
            page(EXPORT),
            label="Export",
            query_params=query,
            icon=":material/download:",
            disabled=not (trial.summary and trial.quality),
        )
        st.page_link(
            page(GRAPH),
            label="Graph",
            query_params=query,
            icon=":material/account_tree:",
            disabled=not trial.model_digest,
        )
        st.page_link(
            page(WHY),
            label="Why?",
            query_params=query,
            icon=":material/help:",
            disabled=not trial.summary,
        )
        st.page_link(
            page(COMPARE),
            label="Compare",
            query_params=query,
            icon=":material/compare_arrows:",
            disabled=not trial.model_digest,
        )


def _edit(trial: Trial) -> None:
    """Set the builder, which is drawn anew with the whole page: it is another fragment."""
    builder.load(trial.recipe)
    st.session_state[REDRAW] = True


def _near(study: Study, trial: Trial) -> None:
    with errors_shown():
        known = {one.recipe for one in study.trials() if one.target == trial.target}
        found = neighbours(trial.recipe, circumstances_of(study.model))
        new = [recipe for recipe in found if recipe not in known]
        submit(study, new, trial.target, "explore")
        many = f"{len(new)} neighbour{'' if len(new) == 1 else 's'} of #{trial.number} queued."
        st.toast(many if new else "All that is near is in the study already.")


def _cancel(study: Study, number: int) -> None:
    with errors_shown():
        queue().cancel(study, number)


def _retry(study: Study, number: int) -> None:
    with errors_shown():
        choose_trial(study, retry(study, number))


def _details(study: Study, trial: Trial, trials: Sequence[Trial]) -> None:
    note = st.text_input(
        "Note",
        value=trial.note,
        key=key_of("note", study.name, trial.number),
        placeholder="A note for everyone who opens this study",
    )
    if note != trial.note:
        study.note(trial.number, note)
        st.rerun()
    with st.expander("What each pass did"):
        if not trial.reports:
            st.caption("No pass: the original graph, as the engine loads it.")
        for step in trial.reports:
            done = f"{step.seconds:.1f} s" if step.modified else "changed nothing"
            st.markdown(f"**{step.name}** · {done}")
            for line in step.said:
                st.caption(plain(line))
    with st.expander("All figures"):
        _all_figures(study, trial, trials)
    if trial.model_digest:
        with st.expander("On other hardware (estimates)"):
            _elsewhere(trial)


def _all_figures(study: Study, trial: Trial, trials: Sequence[Trial]) -> None:
    rows = lines(Where.PANEL, study.evalset.metric, trial, trials)
    if not rows:
        st.caption("None yet.")
        return
    shown = {"": [figure.title for figure, _ in rows], " ": [plain(said) for _, said in rows]}
    st.table(shown, border="horizontal", hide_header=True)


def _elsewhere(trial: Trial) -> None:
    with errors_shown():
        analysis = analysis_of_digest(trial.model_digest)
        rows = []
        for target in all_targets().values():
            if target.modelled:
                found = estimate(analysis, target, trial.recipe)
                span = text.ends(found.interval, text.milliseconds) if found.interval else ""
                rows.append(
                    {
                        "hardware": target.title,
                        "estimate": found.refused or text.milliseconds(found.value),
                        "interval": span,
                    }
                )
        widths = {"hardware": 125, "estimate": 75, "interval": 125}
        columns = {name: st.column_config.TextColumn(width=width) for name, width in widths.items()}
        key = f"elsewhere:{trial.number}"
        st.dataframe(rows, hide_index=True, key=key, column_config=columns)
