"""A chart as a picture for a slide, by a browser on the server; `slide.js` says how it looks."""

import json
from html import escape
from pathlib import Path

import plotly.graph_objects as go

from optim.bundles.html import Part, whole_page
from optim.sharing.browser import picture_of
from optim.sharing.telling import chart_of, machine_of, title_of
from optim.showing.story import on_stage
from optim.studies.goal import DEFAULT, Goal
from optim.studies.study import Study

WIDTH, HEIGHT, SCALE = 1280, 720, 2
_STYLE = "body { margin: 0; padding: 0; max-width: none; }"


def script() -> str:
    """The functions of `slide.js`."""
    return Path(__file__).with_suffix(".js").read_text(encoding="utf-8")


def study_slide(study: Study, goal: Goal = DEFAULT, date: str = "") -> bytes:
    """The study's chart under its verdict. Raises as `slide_png`."""
    trials = on_stage(study.trials())
    figure, title = chart_of(study, trials, goal), title_of(study, trials, goal)
    return slide_png(figure, title, " · ".join(filter(None, (machine_of(trials), date))))


def slide_png(figure: go.Figure, title: str, foot: str) -> bytes:
    """A figure as PNG, 2560 x 1440, opaque. Raises InputError without a browser; StepError.

    Args:
        foot: a line below, such as where it was measured.
    """
    return picture_of(_page(figure, title, foot), WIDTH, HEIGHT, SCALE)


def _page(figure: go.Figure, title: str, foot: str) -> str:
    words = json.dumps([title, foot]).replace("<", r"\u003c")
    drawn = (figure.to_json() or "{}").replace("<", r"\u003c")
    code = (
        f"{script()}const made = slideOf({drawn}, ...{words});"
        'Plotly.newPlot("slide", made.data, made.layout, {staticPlot: true});'
    )
    html = f'<div id="slide"></div><script>{code}</script>'
    return whole_page(escape(title), [Part(html, (code,))], _STYLE)
