"""The web application: Streamlit's pages and a few routes of its own, on one port.

`streamlit run app.py`, or any ASGI server on `app:app`.
"""

import sys
from pathlib import Path

import streamlit as st
from streamlit import net_util
from streamlit.logger import get_logger

from optim.errors import InputError
from optim.running.warming import warm
from ui.errors import on_script_error
from ui.server.answers import keep_answers
from ui.server.guards import exposed, middleware
from ui.server.leaving import sessions_let_go
from ui.server.routes import routes

# Streamlit asks a server on the internet for its own address when a foreign origin knocks.
# Nothing here phones home.
net_util.get_external_ip = lambda: None

keep_answers()
warm()
try:
    guards = middleware()
except InputError as error:
    sys.exit(f"error: {error}")
if exposed():
    get_logger(__name__).warning(exposed())
app = st.App(
    Path(__file__).parent / "ui" / "main.py",
    routes=routes(),
    middleware=guards,
    lifespan=sessions_let_go,
    on_script_error=on_script_error,
)
