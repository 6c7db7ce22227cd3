"""The table of trials and the queue."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from optim.running.queue import QueueItem
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL, all_targets
from optim.timing.stopping import StoppingRule
from ui import text
from ui.errors import errors_shown
from ui.quantities import QUALITY, SPEEDUP, Quantity, quantities
from ui.state import COMPARE, choose_trial, page, queue

_ROW = 35
_MAX_HEIGHT = 420


def trial_table(study: Study, trials: Sequence[Trial], on_front: set[int]) -> None:
    """Sortable table; a click on a row chooses the trial, several rows can be acted on at once."""
    columns = st.columns([3, 3, 2], vertical_alignment="bottom")
    with columns[0]:
        wanted = st.text_input(
            "Filter", key="filter", placeholder="part of a recipe, a state or a note"
        )
    with columns[1]:
        only_front = st.toggle("Only the front and pinned ones", key="only_front")
    rows = [
        t
        for t in trials
        if _fits(t, wanted) and (not only_front or t.number in on_front or t.pinned)
    ]
    rows.sort(key=lambda trial: (not trial.pinned, trial.number))
    numbers = [trial.number for trial in rows]
    st.session_state["rows"] = numbers
    key = f"table:{study.name}"
    elsewhere = any(trial.target != LOCAL for trial in trials)
    event = st.dataframe(
        frame(rows, on_front, study.evalset.metric),
        key=key,
        hide_index=True,
        height=min(_MAX_HEIGHT, _ROW * (len(rows) + 1) + 3),
        column_config=_columns(study.evalset.metric),
        placeholder="",
        column_order=[c for c in _COLUMNS if elsewhere or c != "hardware"],
        on_select=lambda: _choose(study, key),
        selection_mode="multi-row",
    )
    picked = [numbers[i] for i in event.selection.rows if i < len(numbers)]
    _actions(study, [trial for trial in rows if trial.number in picked], trials)


def frame(trials: Sequence[Trial], on_front: set[int], metric: str) -> pd.DataFrame:
    """One row per trial: numbers as numbers, so that they sort."""
    known = quantities(metric, trials)
    return pd.DataFrame([_row(trial, on_front, known) for trial in trials], columns=list(_COLUMNS))


_COLUMNS = (
    "#", "front", "recipe", "hardware", "latency", "speed-up", "interval", "quality", "verdict",
    "state", "pinned", "note", "warnings", "memory", "size",
)  # fmt: skip


def _row(trial: Trial, on_front: set[int], known: dict[str, Quantity]) -> dict[str, object]:
    speedup = known[SPEEDUP].get(trial)
    target = all_targets().get(trial.target)
    return {
        "#": trial.number,
        "pinned": trial.pinned,
        "front": trial.number in on_front,
        "recipe": trial.recipe.spelling,
        "hardware": "this machine"
        if trial.target == LOCAL
        else f"estimate: {target.title if target else trial.target}",
        "state": trial.phase if trial.state == "running" else trial.state,
        "latency": _value(known["p50"], trial),
        "speed-up": speedup.value if speedup else None,
        "interval": f"{speedup.low:.2f} to {speedup.high:.2f}" if speedup else "",
        "quality": _value(known[QUALITY], trial),
        "verdict": trial.error or (trial.quality.verdict if trial.quality else ""),
        "memory": _value(known["memory"], trial),
        "size": _value(known["size"], trial),
        "warnings": sum(warning.severity != "info" for warning in trial.warnings),
        "note": trial.note,
    }


def _value(quantity: Quantity, trial: Trial) -> float | None:
    found = quantity.get(trial)
    return found.value if found else None


def _columns(metric: str) -> dict[str, Any]:
    quality = quantities(metric)[QUALITY]
    number, words, check = (
        st.column_config.NumberColumn,
        st.column_config.TextColumn,
        st.column_config.CheckboxColumn,
    )
    return {
        "#": number(width=45),
        "pinned": check(width=65),
        "front": check(width=60, help="Nothing tried is clearly better on both axes."),
        "recipe": words(width=220),
        "hardware": words(width=140),
        "state": words(width=80),
        "latency": number("p50 ms", format="%.4g", width=75),
        "speed-up": number("speed-up", format="%.2f×", width=80),
        "interval": words("95 % interval", width=100),
        "quality": number(quality.axis, format="%.4g", width=115),
        "verdict": words(width=300),
        "memory": number("memory MB", format="%.4g", width=90),
        "size": number("size MB", format="%.4g", width=75),
        "warnings": number(width=75),
        "note": words(width=160),
    }


def _fits(trial: Trial, wanted: str) -> bool:
    where = f"{trial.recipe.spelling} {trial.state} {trial.note} {trial.target}".lower()
    return all(word in where for word in wanted.lower().split())


def _choose(study: Study, key: str) -> None:
    picked, numbers = st.session_state[key].selection.rows, st.session_state["rows"]
    if picked and picked[-1] < len(numbers):
        choose_trial(study, numbers[picked[-1]])


def _actions(study: Study, picked: Sequence[Trial], trials: Sequence[Trial]) -> None:
    if not picked:
        stopped = [trial.number for trial in trials if trial.state == "interrupted"]
        if stopped:
            label = f"Retry all {len(stopped)} interrupted"
            _button(label, "retry_interrupted", lambda: _each(study, stopped, queue().retry))
        st.caption(
            "Select rows (by keyboard: arrows, Shift and Space) to retry, pin, delete or compare "
            "them. A click on a header sorts."
        )
        return
    numbers = [trial.number for trial in picked]
    unfinished = [t.number for t in picked if t.state in ("failed", "cancelled", "interrupted")]
    with st.container(horizontal=True, gap="small"):
        _button(
            "Retry", "rows_retry", lambda: _each(study, unfinished, queue().retry), not unfinished
        )
        _button("Pin", "rows_pin", lambda: _each(study, numbers, lambda s, n: s.pin(n)))
        _button("Unpin", "rows_unpin", lambda: _each(study, numbers, lambda s, n: s.pin(n, False)))
        _button("Delete", "rows_delete", lambda: _each(study, numbers, queue().delete))
        query = {"study": study.name, "trial": [str(number) for number in numbers]}
        st.page_link(
            page(COMPARE),
            label="Compare",
            query_params=query,
            icon=":material/compare_arrows:",
            disabled=len(numbers) < 2,
        )


def _button(label: str, key: str, act: Callable[[], None], disabled: bool = False) -> None:
    st.button(label, key=key, on_click=act, disabled=disabled)


def _each(study: Study, numbers: Sequence[int], act: Callable[[Study, int], object]) -> None:
    with errors_shown():
        for number in numbers:
            act(study, number)


def queue_list(study: Study, trials: Sequence[Trial]) -> None:
    """What runs and what waits, this study's and the others', with time left and cancel."""
    pending = queue().pending()
    if not pending:
        st.caption(
            "Nothing runs. One trial at a time is measured per machine, so that timings are true."
        )
    mine = {trial.number: trial for trial in trials}
    others = [item for item in pending if item.study != study.name]
    for item in pending:
        if item.study == study.name and item.number in mine:
            _queued(study, item, mine[item.number])
    if others:
        st.caption(f"{len(others)} more from other studies share this machine.")


def _queued(study: Study, item: QueueItem, trial: Trial) -> None:
    name, progress, action = st.columns([4.5, 3, 2], vertical_alignment="center")
    with name:
        st.markdown(f"#{item.number} `{item.recipe}`")
    with progress:
        left = f", {text.seconds(item.seconds_left)} left" if item.seconds_left else ""
        share = min(1.0, len(trial.slices) / StoppingRule.of_settings().most_slices)
        st.progress(share, text=f"{item.phase}{left}")
    with action:
        st.button(
            f"Cancel #{item.number}",
            key=f"cancel:{item.number}",
            on_click=queue().cancel,
            args=(study, item.number),
        )
