"""The room of a presentation in the page: opened, closed, its code, the way into another's."""

from urllib.parse import urlencode

import streamlit as st

from optim.errors import InputError
from optim.studies.study import Study
from ui.errors import show
from ui.present.place import FOLLOW, PRESENT, Place, Presentation
from ui.server.hosts import why_none_elsewhere
from ui.server.rooms import plain_code, rooms
from ui.state import choose_study
from ui.text import key_of

_JOINED = "present_joined"


def tell_room(study: Study, told: Presentation, place: Place) -> None:
    """Show the followers what is shown here, where this session has a room."""
    mine: tuple[str, str] | None = st.session_state.get(_key(study))
    if mine:
        number = told.way[place.at].number if told.way else None
        code, key = mine
        if not rooms().show(code, key, number, place.revealed):
            st.session_state.pop(_key(study))


def room_control(study: Study) -> None:
    """Let others follow, or follow another."""
    mine: tuple[str, str] | None = st.session_state.get(_key(study))
    label = f"Room {mine[0]}" if mine else "Let others follow"
    with st.popover(label, icon=":material/group:"):
        if mine:
            st.markdown(f"**Code {mine[0]}**. Whoever opens this sees what you show:")
            st.code(_link(study, mine[0]), language=None, wrap_lines=True)
            st.caption(why_none_elsewhere(_link(study, mine[0])))
            st.button("Close the room", key="room_close", on_click=_close, args=(study,))
        else:
            st.caption("Others who may use this server open a link, and their page follows yours.")
            st.button("Open a room", key="room_open", type="primary", on_click=_open, args=(study,))
        with st.form("room:join", border=False):
            st.text_input("Or follow another: its code", key="room_join", max_chars=12)
            st.form_submit_button("Follow", key="room_follow", on_click=_join)


def joined_elsewhere() -> bool:
    """Whether a room was joined just now, whose study the page is to show."""
    return bool(st.session_state.pop(_JOINED, False))


def _open(study: Study) -> None:
    st.session_state[_key(study)] = rooms().open(study.name)


def _close(study: Study) -> None:
    if mine := st.session_state.pop(_key(study), None):
        rooms().close(*mine)


def _join() -> None:
    code = plain_code(st.session_state["room_join"])
    shown = rooms().shown(code) if code else None
    if shown:
        choose_study(shown.study)
        st.query_params[PRESENT], st.query_params[FOLLOW] = "1", code
        st.session_state[_JOINED] = True
    elif code:
        show(InputError(f"No room has the code {code}.", "Ask the presenter for it."))


def _link(study: Study, code: str) -> str:
    address = (st.context.url or "").partition("?")[0]
    return f"{address}?{urlencode({'study': study.name, PRESENT: '1', FOLLOW: code})}"


def _key(study: Study) -> str:
    return key_of("present_room", study.name)
