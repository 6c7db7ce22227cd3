"""Slide pictures made in the browser: of a figure by a button, of every chart on a page."""

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from optim.sharing.slide import script
from optim.studies.study import Study
from ui.vendored import loader

# Streamlit's colours are known in its components only, and the button lies in any chart.
_CORNER = """
.js-plotly-plot {position: relative}
.slide-button {position: absolute; right: 2px; z-index: 5; font: inherit;
  bottom: calc(2px + var(--legend, 0px));
  font-size: 0.75rem; padding: 0 0.45rem; border: 1px solid GrayText;
  border-radius: 4px; background: Canvas; color: CanvasText;
  opacity: 0; cursor: pointer}
.js-plotly-plot:hover .slide-button, .slide-button:focus-visible {opacity: 1}
.slide-button:hover, .slide-button:focus-visible {outline: 2px solid currentColor}
@media (hover: none) {.slide-button {opacity: 1}}
"""
_BUTTON = """
.slide-take {font: inherit; font-size: 0.875rem; min-height: 2.5rem; padding: 0.25rem 0.75rem;
  border: 1px solid var(--st-border-color); border-radius: 6px; cursor: pointer;
  background: var(--st-background-color); color: var(--st-text-color)}
.slide-take:hover, .slide-take:focus-visible {color: var(--st-primary-color);
  border-color: var(--st-primary-color); outline: none}
"""


def slide_of_every_chart() -> None:
    """From now on each Plotly chart on this page has a small button for its slide picture."""
    study = st.session_state.get("open_study")
    about = study.title if isinstance(study, Study) else ""
    data = {"figure": None, "about": about}
    _component("slides", "<i></i>", _CORNER)(key="slides", data=data, height=1)


def slide_button(label: str, figure: go.Figure, title: str, foot: str) -> None:
    """A button that takes this figure as a slide."""
    html = f'<button class="slide-take" type="button">{label}</button>'
    data = {"figure": figure.to_json(), "title": title, "foot": foot}
    _component("slide", html, _BUTTON)(key="slide", data=data, height=44)


def _component(name: str, html: str, css: str) -> Any:
    own = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    return st.components.v2.component(
        name, html=html, css=css, js=f"{loader()}\n{script()}\n{own}", isolate_styles=False
    )
