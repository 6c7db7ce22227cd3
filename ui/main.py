"""The script that Streamlit runs for every page: navigation, then the page."""

from pathlib import Path

import streamlit as st

from ui.account import leave_link, logged_in
from ui.navigation import PAGES, TITLE
from ui.sharing.slides import slide_of_every_chart
from ui.state import note_page, page

st.set_page_config(
    page_title=TITLE,
    page_icon=str(Path(__file__).with_name("icon.svg")),
    layout="wide",
    initial_sidebar_state="auto",
)
if not logged_in():
    st.stop()
current = st.navigation(
    [
        st.Page(page(f"pages/{each.name}.py"), title=each.title, default=each is PAGES[0])
        for each in PAGES
    ],
    position="top",
)
leave_link()
st.set_page_config(page_title=f"{current.title} · {TITLE}")
note_page(current.title)
current.run()
slide_of_every_chart()
