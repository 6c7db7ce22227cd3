"""Find the best: what is wanted and within which limits, the search as it goes on, its answer."""

from contextlib import suppress
from typing import Any

import streamlit as st

from optim.machine.environment import usable_cores
from optim.metrics.base import find_metric
from optim.search.searches import SearchRun
from optim.studies.goal import DEFAULT, Goal, Objective
from optim.studies.study import Study
from optim.studies.trial import Trial
from ui.errors import errors_shown
from ui.explore.news import redraw_on_news
from ui.explore.race import race
from ui.server.stamp import search_stamp, search_url
from ui.state import choose_trial, goal_of, keep_goal, searches
from ui.text import key_of, plain

_OBJECTIVES: dict[Objective, str] = {
    "latency": "Latency",
    "throughput": "Throughput",
    "size": "File size",
    "memory": "Memory",
}
_BUDGETS = {30: "30 s", 60: "60 s", 120: "2 min", 300: "5 min"}
_BUDGET = 60
_LOSSES = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_HEIGHT = 252  # of what a search shows, whatever that is: nothing below it moves
_LIMITS = {
    "max_latency_ms": "Latency at most, ms",
    "max_memory_mb": "Memory at most, MB",
    "max_size_mb": "File at most, MB",
}


@st.fragment
def find_the_best(study: Study) -> None:
    """The line of controls; below it the search, once there is one."""
    # Before it is looked at: what comes meanwhile is news. And first of all that is drawn: what
    # moves down as a search appears is made anew by the browser, and then tells of nothing.
    redraw_on_news(search_url(), search_stamp())
    run = searches().of(study)
    goal, budget = _controls(study, run)
    if goal != goal_of(study):  # the verdict and the chart show another pick
        keep_goal(study, goal)
        st.rerun()
    if refused := searches().refused():
        st.caption(plain(refused))
    if run:
        _shown(study, run)


def _controls(study: Study, run: SearchRun | None) -> tuple[Goal, int]:
    left, middle, right = st.columns([4.4, 2.6, 2.6], vertical_alignment="bottom", gap="medium")
    goal = goal_of(study)
    with left:
        loss = _loss(study, goal)
    with middle:
        wanted, budget = _details(study, goal, loss)
    with right:
        _button(study, run, wanted, budget)
    return wanted, budget


def _loss(study: Study, goal: Goal) -> float:
    """The loss allowed, in the unit of a goal."""
    unit, asked = _unit(study), _loss_in_address(100 * goal.max_loss)
    losses = sorted({*_LOSSES, asked})
    shown: float = st.select_slider(
        "Loss allowed",
        losses,
        asked,
        lambda loss: f"{loss:g} {unit.removesuffix('s' if loss == 1 else '')}",
        key=control("loss", study),
        help="How much of the original's quality may be lost. The pick keeps to it; the chart "
        "shades what is within it.",
    )
    if shown != 100 * DEFAULT.max_loss:
        st.query_params["loss"] = f"{shown:g}"
    else:
        st.query_params.pop("loss", None)
    return shown / 100


def _loss_in_address(otherwise: float) -> float:
    """The loss that the page's address allows, in points or per cent."""
    with suppress(ValueError):
        found = float(st.query_params.get("loss", ""))
        return found if 0 <= found <= _LOSSES[-1] else otherwise
    return otherwise


def _details(study: Study, goal: Goal, loss: float) -> tuple[Goal, int]:
    """The rest of the goal and the budget, folded away: the defaults are what most people want."""
    objectives, cores, budgets = list(_OBJECTIVES), range(1, usable_cores() + 1), list(_BUDGETS)
    kept = st.session_state.get(control("budget", study), _BUDGET)
    said = f"{_OBJECTIVES[goal.objective]} within {_BUDGETS[kept]}"
    with st.popover(said, width="stretch", help="What is best, and how long to search for it."):
        objective = st.selectbox(
            "Best in",
            objectives,
            objectives.index(goal.objective),
            _OBJECTIVES.__getitem__,
            key=control("objective", study),
            help="Throughput is that of one session on each core.",
        )
        budget = st.selectbox(
            "Budget",
            budgets,
            budgets.index(_BUDGET),
            _BUDGETS.__getitem__,
            key=control("budget", study),
            help="Seconds from the click to the answer.",
        )
        most = st.selectbox(
            "Cores a run",
            cores,
            min(goal.cores or len(cores), len(cores)) - 1,
            key=control("cores", study),
            help="How many one run may use.",
        )
        limits = _limits(study, goal)
    few = None if most == len(cores) else most
    return Goal(objective=objective, max_loss=loss, cores=few, **limits), budget


def control(name: str, study: Study) -> str:
    """The key of the widget that sets this field of the goal, or the budget."""
    return key_of(f"find-{name}", study.name)


def _unit(study: Study) -> str:
    return "points" if find_metric(study.evalset.metric).higher_is_better else "%"


def _limits(study: Study, goal: Goal) -> dict[str, Any]:
    """Further limits; those left empty are none."""
    metric = find_metric(study.evalset.metric)
    scale = 100 if metric.unit == "%" else 1
    found: dict[str, Any] = {
        name: st.number_input(
            title,
            0.001,
            None,
            getattr(goal, name),
            key=control(name, study),
            placeholder="no limit",
        )
        for name, title in _LIMITS.items()
    }
    least = goal.min_quality
    quality = st.number_input(
        f"{metric.title} at least{', %' if scale == 100 else ''}",
        value=None if least is None else float(least * scale),
        key=control("min_quality", study),
        placeholder="no limit",
    )
    return {**found, "min_quality": None if quality is None else quality / scale}


def _button(study: Study, run: SearchRun | None, goal: Goal, budget: int) -> None:
    if run and run.under_way:
        st.button(
            "Stop, take the best so far",
            key="find:stop",
            on_click=searches().stop,
            args=(study.name,),
            disabled=run.state == "stopping",
            width="stretch",
        )
        return
    st.button(
        "Go on searching" if run and run.answer else "Find the best",
        type="primary",
        key="find:start",
        on_click=_start,
        args=(study, goal, budget),
        disabled=bool(searches().refused()),
        width="stretch",
        help="Times, judges and repairs what may be faster on this machine. What was measured "
        "before counts; other trials wait meanwhile.",
    )


def _start(study: Study, goal: Goal, budget: int) -> None:
    with errors_shown():
        searches().start(study, goal, budget)


def _shown(study: Study, run: SearchRun) -> None:
    trials = study.trials()
    with st.container(height=_HEIGHT, border=True):
        if not run.under_way:
            _ended(run)
        if run.under_way or run.answer or run.news:
            numbers = _numbers(trials)
            picked = race(run, numbers, key_of("race", study.name))
            if picked is not None:
                choose_trial(study, picked)
                st.rerun()


def _numbers(trials: list[Trial]) -> dict[str, int]:
    """Trials that the panel can show, by recipe; the newest of each."""
    return {trial.recipe.spelling: trial.number for trial in trials if trial.summary}


def _ended(run: SearchRun) -> None:
    """The answer, for whoever decides; or why there is none."""
    if run.answer is None:
        st.error(plain(run.error))
        return
    first, *others = map(plain, run.answer.sentences)
    won = run.answer.speedup.low > 1
    icon = "trophy" if won else "hourglass_empty"
    st.markdown(f":material/{icon}: **{first}** {' '.join(others)}")
    how = "stopped by hand" if run.stopped else f"of {run.budget:.0f} s"
    st.caption(
        f"**Most likely to help next:** {plain(run.answer.help)}  \n"
        f"Searched {run.answer.seconds:.0f} s ({how}), {run.when}."
    )
