"""What protects this machine from the files that people bring, in plain words."""

import streamlit as st

from optim.sandbox import PROTECTIONS, protections
from ui.text import plain

_ALL_HOLD = (
    "Files are read in a process without network, without other files or processes, and with "
    "nothing that it may write but its own folder."
)


def protected() -> None:
    """One line where all walls stand, else a warning that names those that do not; and a list."""
    missing = {name: why for name, why in protections().items() if why}
    if missing:
        names = "; ".join(f"{name} ({why})" for name, why in missing.items())
        st.warning(
            plain(
                f"Not everything protects this machine from what is brought. Missing: {names}. "
                "Bring only files whose makers you trust."
            )
        )
    else:
        st.caption(f":material/shield: {_ALL_HOLD}")
    fold = st.expander("What protects this machine", key="walls", on_change="rerun")
    if fold.open:  # not before: a browser reads another megabyte for a table
        fold.table(_listed(missing), border="horizontal")


def _listed(missing: dict[str, str]) -> dict[str, list[str]]:
    return {
        "protection": [one.name for one in PROTECTIONS],
        "of the process that reads a file": [one.keeps for one in PROTECTIONS],
        "holds": [
            f"no: {plain(missing[one.name])}" if one.name in missing else "yes"
            for one in PROTECTIONS
        ],
    }
