"""A tour of the application for who comes the first time: a strip that stands in nobody's way.

The browser remembers that it was taken or skipped.
"""

from pathlib import Path

import streamlit as st

STEPS = (
    ("Start", "Open a sample, or bring a model of your own. Nothing leaves this server.", "start"),
    (
        "Explore",
        "Toggle optimizations; each recipe is measured and becomes a point: speed against "
        "quality, with its interval.",
        "explore",
    ),
    ("Graph", "The model's operators, with time, precision and bytes drawn on them.", "graph"),
    ("Compare", "Recipes side by side: figures, operators, graphs.", "compare"),
    ("Why", "Where the time and the quality went, and what would mend it.", "why"),
    ("Export", "Take the model, the recipe and the proof away as a bundle.", "export"),
    ("Learn", "Lessons that let you predict first and then measure; alone or as a class.", "learn"),
)
"""Title, what is said of it, and the page it is about."""
_HERE = Path(__file__)


def tour() -> None:
    """The strip; nothing where this browser has seen it."""
    mount = st.components.v2.component(
        "tour",
        html='<section class="tour" aria-label="Tour of the application" hidden></section>',
        css=_HERE.with_suffix(".css").read_text(encoding="utf-8"),
        js=_HERE.with_suffix(".js").read_text(encoding="utf-8"),
    )
    steps = [{"title": title, "says": says, "page": page} for title, says, page in STEPS]
    mount(key="tour", data={"steps": steps})
