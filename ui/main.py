"""The script that Streamlit runs for every page: navigation, then the page."""

from pathlib import Path

import streamlit as st

from ui.state import page

st.set_page_config(
    page_title="Inference Optimization Explorer",
    page_icon=str(Path(__file__).with_name("icon.svg")),
    layout="wide",
    initial_sidebar_state="auto",
)
# Streamlit leaves 5rem free on either side; at 1280 px the chart and the tables need that room.
st.html(
    "<style>[data-testid=stMainBlockContainer] {padding-left: 2rem; padding-right: 2rem}</style>"
)
st.navigation(
    [
        st.Page(page("pages/start.py"), title="Start", default=True),
        st.Page(page("pages/explore.py"), title="Explore"),
        st.Page(page("pages/graph.py"), title="Graph"),
        st.Page(page("pages/compare.py"), title="Compare"),
        st.Page(page("pages/export.py"), title="Export"),
        st.Page(page("pages/parts.py"), title="Parts"),
    ],
    position="top",
).run()
