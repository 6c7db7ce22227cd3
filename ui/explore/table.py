"""The table of trials, and what can be done with several at once."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from optim.showing.figure import TrialFigure, Where
from optim.showing.figures import figures_for
from optim.showing.points import hardware
from optim.studies.study import Study
from optim.studies.trial import Trial
from optim.targets import LOCAL
from ui.errors import errors_shown
from ui.state import COMPARE, choose_trial, delete, page, retry

TABLE_HELP = (
    "Select rows (by keyboard: arrows, Shift and Space) to retry, pin, delete or compare them. A "
    "click on a header sorts."
)
_ROW = 35
_MAX_HEIGHT = 248  # six trials and the heading: the page fits on two screens of 1280 x 720


def trial_table(
    study: Study, trials: Sequence[Trial], shown: Sequence[Trial], on_front: set[int]
) -> None:
    """Sortable table; a click on a row chooses the trial, several rows can be acted on at once.

    Args:
        shown: those of the study's trials that the filters let through.
    """
    rows = sorted(shown, key=lambda trial: (not trial.pinned, trial.number))
    numbers = [trial.number for trial in rows]
    st.session_state["rows"] = numbers
    key = f"table:{study.name}"
    elsewhere = any(trial.target != LOCAL for trial in trials)
    data = frame(rows, on_front, study.evalset.metric)
    event = st.dataframe(
        data,
        key=key,
        hide_index=True,
        height=min(_MAX_HEIGHT, _ROW * (len(rows) + 1) + 3),
        column_config=columns(study.evalset.metric, trials),
        placeholder="",
        column_order=[c for c in data.columns if elsewhere or c != "hardware"],
        on_select=lambda: _choose(study, key),
        selection_mode="multi-row",
    )
    picked = [numbers[i] for i in event.selection.rows if i < len(numbers)]
    _actions(study, [trial for trial in rows if trial.number in picked], trials)


def frame(trials: Sequence[Trial], on_front: set[int], metric: str) -> pd.DataFrame:
    """One row per trial: numbers as numbers, so that they sort."""
    known = figures_for(Where.COLUMN | Where.LAST_COLUMN, metric, trials)
    rows = [_row(trial, on_front, known) for trial in trials]
    return pd.DataFrame(rows, columns=list(columns(metric)))


def columns(metric: str, trials: Sequence[Trial] = ()) -> dict[str, Any]:
    """The columns in their order, and how each is shown.

    Args:
        trials: those in the table; on hover headings say of some figures what they are known on
            so far.
    """
    number, words, check = (
        st.column_config.NumberColumn,
        st.column_config.TextColumn,
        st.column_config.CheckboxColumn,
    )
    return {
        "#": number(width=45),
        "front": check(width=50, help="Nothing tried is clearly both faster and better."),
        "recipe": words(width=180),
        "hardware": words(width=140),
        **_figure_columns(Where.COLUMN, metric, trials),
        "verdict": words(width=480),
        "state": words(width=80),
        "pinned": check(width=65),
        "note": words(width=160),
        "warnings": number(width=75),
        **_figure_columns(Where.LAST_COLUMN, metric, trials),
    }


def _figure_columns(where: Where, metric: str, trials: Sequence[Trial]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, figure in figures_for(where, metric, trials).items():
        heading = figure.heading
        found[name] = st.column_config.NumberColumn(
            heading,
            format=figure.column_format,
            width=max(70, 22 + 6 * len(heading)),
            help=f"{figure.title}, {figure.so_far}." if figure.so_far else None,
        )
        if figure.where & Where.INTERVAL:
            found[_interval(name)] = st.column_config.TextColumn("95 % interval", width=100)
    return found


def _interval(name: str) -> str:
    return f"{name} interval"


def _row(trial: Trial, on_front: set[int], known: Mapping[str, TrialFigure]) -> dict[str, object]:
    elsewhere = f"{'estimate: ' if trial.estimate else ''}{hardware(trial.target)}"
    measured = "this machine" if trial.target == LOCAL else elsewhere
    row: dict[str, object] = {
        "#": trial.number,
        "pinned": trial.pinned,
        "front": trial.number in on_front,
        "recipe": trial.recipe.spelling,
        "hardware": measured,
        "state": trial.state,
        "verdict": trial.verdict,
        "warnings": sum(warning.severity != "info" for warning in trial.warnings),
        "note": trial.note,
    }
    for name, figure in known.items():
        value = figure.scaled(trial)
        row[name] = value.value if value else None
        if figure.where & Where.INTERVAL:
            row[_interval(name)] = figure.ends(trial)
    return row


def _choose(study: Study, key: str) -> None:
    picked, numbers = st.session_state[key].selection.rows, st.session_state["rows"]
    if picked and picked[-1] < len(numbers):
        choose_trial(study, numbers[picked[-1]])


def _actions(study: Study, picked: Sequence[Trial], trials: Sequence[Trial]) -> None:
    if not picked:
        _go_on(study, [trial.number for trial in trials if trial.state == "interrupted"])
        return
    numbers = [trial.number for trial in picked]
    unfinished = [t.number for t in picked if t.state in ("failed", "cancelled", "interrupted")]
    with st.container(horizontal=True, gap="small"):
        _button("Retry", "rows_retry", lambda: _each(study, unfinished, retry), not unfinished)
        _button("Pin", "rows_pin", lambda: _each(study, numbers, lambda s, n: s.pin(n)))
        _button("Unpin", "rows_unpin", lambda: _each(study, numbers, lambda s, n: s.pin(n, False)))
        _button("Delete", "rows_delete", lambda: delete(study, numbers))
        query = {"study": study.name, "trial": [str(number) for number in numbers]}
        st.page_link(
            page(COMPARE),
            label="Compare",
            query_params=query,
            icon=":material/compare_arrows:",
            disabled=len(numbers) < 2,
        )


def _go_on(study: Study, stopped: list[int]) -> None:
    if stopped:
        label = f"Go on with {len(stopped)} interrupted"
        _button(label, "retry_interrupted", lambda: _each(study, stopped, retry))


def _button(label: str, key: str, act: Callable[[], None], disabled: bool = False) -> None:
    st.button(label, key=key, on_click=act, disabled=disabled)


def _each(study: Study, numbers: Sequence[int], act: Callable[[Study, int], object]) -> None:
    with errors_shown():
        for number in numbers:
            act(study, number)
