"""Find the best: what is wanted and within which limits, the search as it goes on, its answer."""

from typing import Any

import streamlit as st

from optim.machine.environment import usable_cores
from optim.metrics.base import find_metric
from optim.search.searches import SearchRun
from optim.studies.goal import Goal, Objective
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
    goal = goal_of(study)
    columns = st.columns([2, 1.9, 1.6, 1.4, 1.7, 2.6], vertical_alignment="bottom")
    objectives, cores, budgets = list(_OBJECTIVES), range(1, usable_cores() + 1), list(_BUDGETS)
    with columns[0]:
        objective = st.selectbox(
            "Best in",
            objectives,
            objectives.index(goal.objective),
            _OBJECTIVES.__getitem__,
            key=control("objective", study),
            help="Throughput is that of one session on each core.",
        )
    with columns[1]:
        loss = st.number_input(
            f"Loss allowed, {_unit(study)}",
            min_value=0.0,
            max_value=100.0,
            value=100 * goal.max_loss,
            step=0.5,
            format="%.1f",
            key=control("loss", study),
            help="How much of the original's quality may be lost. The pick keeps to it.",
        )
    with columns[2]:
        most = st.selectbox(
            "Cores a run",
            cores,
            min(goal.cores or len(cores), len(cores)) - 1,
            key=control("cores", study),
            help="How many one run may use.",
        )
    with columns[3]:
        budget = st.selectbox(
            "Budget",
            budgets,
            budgets.index(60),
            _BUDGETS.__getitem__,
            key=control("budget", study),
            help="Seconds from the click to the answer.",
        )
    with columns[4]:
        limits = _limits(study, goal)
    few = None if most == len(cores) else most
    wanted = Goal(objective=objective, max_loss=loss / 100, cores=few, **limits)
    with columns[5]:
        _button(study, run, wanted, budget)
    return wanted, budget


def control(name: str, study: Study) -> str:
    """The key of the widget that sets this field of the goal, or the budget."""
    return key_of(f"find-{name}", study.name)


def _unit(study: Study) -> str:
    return "points" if find_metric(study.evalset.metric).higher_is_better else "%"


def _limits(study: Study, goal: Goal) -> dict[str, Any]:
    """Further limits; those left empty are none."""
    metric = find_metric(study.evalset.metric)
    scale = 100 if metric.unit == "%" else 1
    kept = {name: getattr(goal, name) for name in (*_LIMITS, "min_quality")}
    count = sum(value is not None for value in kept.values())
    with st.popover(f"Limits ({count})" if count else "Limits", width="stretch"):
        found: dict[str, Any] = {
            name: st.number_input(
                title, 0.001, None, kept[name], key=control(name, study), placeholder="no limit"
            )
            for name, title in _LIMITS.items()
        }
        least = kept["min_quality"]
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
