"""What a report and a slide tell of a study alike: its chart, its verdict, its machine."""

from collections.abc import Sequence

import plotly.graph_objects as go

from optim.showing.acceptable import acceptable
from optim.showing.chart import Canvas, trade_off
from optim.showing.points import default_plane, hardware, marks
from optim.showing.verdict import verdict
from optim.studies.goal import Goal
from optim.studies.study import Study
from optim.studies.trial import Trial, measurement_of
from optim.targets import LOCAL

CHART_WIDTH = 680
"""Pixels: what A4 and Letter have within their margins; a slide has room for as many letters."""


def chart_of(study: Study, trials: Sequence[Trial], goal: Goal) -> go.Figure:
    """Latency against quality of the trials of one machine, the pick ringed."""
    plane, found = default_plane(study.evalset.metric, trials), verdict(trials, goal)
    chosen = found.number if found else None
    return trade_off(
        marks(trials, plane),
        *plane.axes(),
        chosen,
        front=plane.front_name,
        shaded=acceptable(trials, plane, goal),
        canvas=Canvas(width=CHART_WIDTH),
    )


def title_of(study: Study, trials: Sequence[Trial], goal: Goal) -> str:
    """The study's title and its verdict, in one line."""
    found = verdict(trials, goal)
    if found is None:
        return f"{study.title}: latency against quality"
    return f"{study.title}. {found.title}{f': {found.figures}' if found.figures else ''}"


def environment_of(trials: Sequence[Trial]) -> dict[str, str]:
    """What is recorded of the machine that trials of one target were measured on."""
    slices = next((trial.slices for trial in trials if trial.summary), ())
    return measurement_of(slices).slices[0].environment if slices else {}


def machine_of(trials: Sequence[Trial]) -> str:
    """What that machine is called; empty without trials."""
    if not trials:
        return ""
    if trials[0].target != LOCAL:
        return hardware(trials[0].target)
    return environment_of(trials).get("cpu", "") or hardware(LOCAL)
