"""The glossary as a page: every word, searched as one types."""

import streamlit as st

from optim.learning.glossary import search
from optim.learning.lesson import all_lessons
from ui.state import LEARN, page
from ui.text import plain


def glossary() -> None:
    """All words, or those that hold what is searched for."""
    wanted = st.text_input(
        "Search", st.query_params.get("word", ""), key="glossary:search", placeholder="a word"
    )
    found, lessons = search(wanted), all_lessons()
    if not found:
        st.info(f"The glossary has no word that holds {plain(wanted)}.")
    columns = st.columns(2, gap="large")
    half = (len(found) + 1) // 2
    for column, terms in zip(columns, (found[:half], found[half:]), strict=True):
        with column:
            for term in terms:
                others = f" ({plain(', '.join(term.also))})" if term.also else ""
                st.markdown(f"**{plain(term.word)}**{others}: {plain(term.says)}")
                if lesson := lessons.get(term.lesson):
                    label = f"Lesson: {plain(lesson.title)}"
                    st.page_link(page(LEARN), label=label, query_params={"lesson": lesson.name})
