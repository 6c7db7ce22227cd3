"""The script that Streamlit runs for every page: navigation, then the page."""

from pathlib import Path

import streamlit as st

from ui.account import leave_link, logged_in
from ui.glossary import STYLE
from ui.sharing.slides import slide_of_every_chart
from ui.state import page

_TITLE = "Inference Optimization Explorer"
st.set_page_config(
    page_title=_TITLE,
    page_icon=str(Path(__file__).with_name("icon.svg")),
    layout="wide",
    initial_sidebar_state="auto",
)
# Streamlit leaves 5rem free on either side; at 1280 px the chart and the tables need that room.
# Its captions fall short of WCAG's 4.5:1, as does white on the dark theme's primary colour; its
# links do not show that they have the focus.
# An empty sidebar stays until the next page is all there, which may take a while.
st.html(
    """<style>
    [data-testid=stMainBlockContainer] {padding-left: 2rem; padding-right: 2rem}
    div[data-testid=stCaptionContainer] {color: inherit; opacity: 0.75}
    button[kind^=primary] p, [data-testid=stMultiSelect] span[title] {
        color: light-dark(#fff, #06131b)
    }
    [data-testid=stSidebar]:not(:has([data-testid=stElementContainer])) {display: none}
    a:focus-visible {outline: 2px solid currentColor !important; outline-offset: 1px}
    </style>"""
)
st.html(STYLE)
if not logged_in():
    st.stop()
current = st.navigation(
    [
        st.Page(page("pages/start.py"), title="Start", default=True),
        st.Page(page("pages/explore.py"), title="Explore"),
        st.Page(page("pages/graph.py"), title="Graph"),
        st.Page(page("pages/compare.py"), title="Compare"),
        st.Page(page("pages/why.py"), title="Why"),
        st.Page(page("pages/hardware.py"), title="Hardware"),
        st.Page(page("pages/serve.py"), title="Serve"),
        st.Page(page("pages/export.py"), title="Export"),
        st.Page(page("pages/parts.py"), title="Parts"),
        st.Page(page("pages/learn.py"), title="Learn"),
    ],
    position="top",
)
leave_link()
st.set_page_config(page_title=f"{current.title} · {_TITLE}")
current.run()
slide_of_every_chart()
