"""The chosen trial: what it gains, what it costs, what was done, and what can be done with it."""

from collections.abc import Sequence

import streamlit as st

from optim.findings import Caution
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets
from optim.targets.estimate import Estimate, estimate
from ui import builder, text
from ui.cached import analysis_of_digest
from ui.errors import errors_shown
from ui.points import tied_with
from ui.quantities import Quantity
from ui.state import COMPARE, EXPORT, GRAPH, choose_trial, page, queue
from ui.text import plain

_STATES = {
    "waiting": ":gray-badge[waiting]",
    "running": ":blue-badge[running]",
    "tightening": ":blue-badge[measured, interval tightening]",
    "done": ":green-badge[done]",
    "failed": ":red-badge[failed]",
    "cancelled": ":gray-badge[cancelled]",
    "interrupted": ":orange-badge[interrupted]",
}


def panel(study: Study, trial: Trial, trials: Sequence[Trial], x: Quantity, y: Quantity) -> None:
    """Everything on one trial, for the column beside the chart."""
    target = all_targets().get(trial.target)
    where = (
        "" if trial.target == LOCAL else f" on {plain(target.title if target else trial.target)}"
    )
    pinned = " :violet-badge[pinned]" if trial.pinned else ""
    st.markdown(f"**Trial {trial.number}**{where} {_STATES[trial.state]}{pinned}")
    st.code(trial.recipe.spelling, language=None, wrap_lines=True)
    if trial.error:
        st.error(plain(trial.error))
    _figures(trial)
    _quality(trial)
    _ties(trials, trial, x, y)
    _warnings(trial.warnings)
    _buttons(study, trial)
    _details(study, trial)


def _figures(trial: Trial) -> None:
    if trial.summary:
        summary = trial.summary
        gain = summary.speedup
        p50 = summary.p50_ms
        left, right = st.columns(2)
        left.metric(
            "Speed-up",
            f"{gain.value:.2f}×",
            f"{gain.low:.2f} to {gain.high:.2f}",
            delta_color="off",
            delta_arrow="off",
            help="Against the original on ONNX Runtime as it comes, at the same number of threads. "
            "Below it the 95 % interval.",
        )
        right.metric(
            "Latency (p50)",
            text.milliseconds(p50.value),
            f"{text.milliseconds(p50.low)} to {text.milliseconds(p50.high)}",
            delta_color="off",
            delta_arrow="off",
        )
        if summary.thread_gain:
            st.caption(
                f"{trial.recipe.runtime.threads} threads by themselves give "
                f"{text.times(summary.thread_gain)}; that is not in the speed-up."
            )
    elif trial.estimate and trial.estimate.refused:
        st.warning(plain(trial.estimate.refused))
    elif trial.estimate:
        found = trial.estimate
        st.metric("Latency, estimate", text.milliseconds(found.value))
        st.caption(
            f"{text.milliseconds(found.low)} to {text.milliseconds(found.high)}. "
            f"{_spent(found)} {plain(found.method)}"
        )
    elif not trial.finished:
        st.caption(f"Now: {trial.phase or 'waiting for the machine'} ...")


def _spent(found: Estimate) -> str:
    """What most of an estimated latency goes into."""
    bound, share = max(found.bound_by.items(), key=lambda item: item[1])
    words = {"compute": "arithmetic", "memory": "moving data", "dispatch": "starting operators"}
    return f"{share:.0%} of it is {words[bound]}."


def _quality(trial: Trial) -> None:
    if not trial.quality:
        return
    quality = trial.quality
    box = st.error if quality.collapsed else st.info
    more = "" if quality.complete or trial.finished else " More samples follow."
    box(plain(quality.verdict) + more)


def _ties(trials: Sequence[Trial], trial: Trial, x: Quantity, y: Quantity) -> None:
    tied = sorted(tied_with(trials, trial.number, x, y))
    if tied:
        names = ", ".join(f"#{number}" for number in tied[:8])
        more = f" and {len(tied) - 8} more" if len(tied) > 8 else ""
        st.caption(f"A tie with {names}{more}: the intervals overlap on both axes.")


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
            on_click=builder.load,
            args=(trial.recipe,),
            help="Set the recipe builder to this recipe.",
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
        st.button("Delete", key="delete", on_click=_delete, args=(study, number))
    with st.container(horizontal=True, gap="small"):
        query = {"study": study.name, "trial": str(number)}
        st.page_link(
            page(EXPORT),
            label="Export",
            query_params=query,
            icon=":material/download:",
            disabled=trial.state != "done" or trial.target != LOCAL,
        )
        st.page_link(
            page(GRAPH),
            label="Graph",
            query_params=query,
            icon=":material/account_tree:",
            disabled=not trial.model_digest,
        )
        st.page_link(
            page(COMPARE),
            label="Why? Compare",
            query_params=query,
            icon=":material/compare_arrows:",
            disabled=not trial.model_digest,
        )


def _cancel(study: Study, number: int) -> None:
    with errors_shown():
        queue().cancel(study, number)


def _retry(study: Study, number: int) -> None:
    with errors_shown():
        choose_trial(study, queue().retry(study, number))


def _delete(study: Study, number: int) -> None:
    with errors_shown():
        queue().delete(study, number)
        choose_trial(study, None)


def _details(study: Study, trial: Trial) -> None:
    note = st.text_input(
        "Note",
        value=trial.note,
        key=f"note:{study.name}:{trial.number}",
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
            for line in step.notes:
                st.caption(plain(line))
    with st.expander("All figures"):
        _all_figures(trial)
    if trial.model_digest:
        with st.expander("On other hardware (estimates)"):
            _elsewhere(trial)


def _all_figures(trial: Trial) -> None:
    rows: list[tuple[str, str]] = []
    if trial.summary:
        found = trial.summary
        rows += [
            (name, text.milliseconds(value.value)) for name, value in found.percentiles.items()
        ]
        rows.append(("throughput", f"{found.throughput_per_s:,.0f} runs/s"))
        optional = {
            "load": found.load_ms,
            "first run": found.first_run_ms,
            "baseline p50": found.baseline_p50_ms,
        }
        rows += [(name, text.milliseconds(ms)) for name, ms in optional.items() if ms is not None]
        if found.peak_memory_mb is not None:
            rows.append(("peak memory", text.size(found.peak_memory_mb * 1e6)))
        rows.append(("timed", f"{found.runs:,} runs in {found.processes} processes"))
    if trial.size_bytes:
        rows.append(("model file", text.size(trial.size_bytes)))
    if trial.quality:
        drift = trial.quality.fidelity
        if drift.top1_agreement is not None:
            rows.append(("same top class", f"{drift.top1_agreement:.2%}"))
        rows.append(("cosine to the original", f"{drift.cosine:.6f}"))
        if drift.sqnr_db is not None:
            rows.append(("signal to noise (SQNR)", f"{drift.sqnr_db:.1f} dB"))
        rows.append(("largest error", f"{drift.max_error:.3g}"))
    st.table(
        {"": [name for name, _ in rows], " ": [value for _, value in rows]}, border="horizontal"
    )


def _elsewhere(trial: Trial) -> None:
    with errors_shown():
        analysis = analysis_of_digest(trial.model_digest)
        rows = []
        for target in all_targets().values():
            if target.modelled:
                found = estimate(analysis, target, trial.recipe)
                span = f"{text.milliseconds(found.low)} to {text.milliseconds(found.high)}"
                rows.append(
                    {
                        "hardware": target.title,
                        "estimate": found.refused or text.milliseconds(found.value),
                        "interval": "" if found.refused else span,
                    }
                )
        widths = {"hardware": 125, "estimate": 75, "interval": 125}
        columns = {name: st.column_config.TextColumn(width=width) for name, width in widths.items()}
        key = f"elsewhere:{trial.number}"
        st.dataframe(rows, hide_index=True, key=key, column_config=columns)
