"""Files that are given: from the browser, with what belongs beside them, or by a server path."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from optim.errors import InputError
from optim.home.scratch import scratch
from optim.settings import settings
from ui.errors import errors_shown
from ui.server.uploads import REFUSED, too_much

MODEL_TYPES = ["onnx", "zip", "pt", "pt2", "pth"]
BESIDE_TYPES = ["data", "onnx_data", "bin", "weights"]
"""External data of an .onnx, as exporters name them."""
TABLE_TYPES = ["csv", "tsv", "csv.gz", "tsv.gz"]
EVALSET_TYPES = ["npz", "zip", *TABLE_TYPES]
_BESIDE = tuple(f".{name}" for name in BESIDE_TYPES)


@dataclass(frozen=True)
class Upload:
    """A file that was given: its name, an identity for caching, and bytes or a server path;
    `beside`: files from the browser that belong to it."""

    name: str
    identity: str
    data: Any = None
    path: Path | None = None
    beside: tuple[Any, ...] = ()

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """The file under its own name; a temporary copy if it came from the browser."""
        if self.path:
            yield self.path
            return
        with scratch("upload") as folder:
            for file in (*self.beside, self.data):
                path = folder / Path(file.name).name
                path.write_bytes(file.getbuffer())
            yield path


def given(
    label: str,
    types: list[str],
    key: str,
    by_path: bool,
    help_text: str,
    beside: Sequence[str] = (),
) -> Upload | None:
    """Ask for one file, from the browser or by its path on the server.

    Args:
        beside: types of files that may come along with it from the browser.
    """
    if by_path:
        text = st.text_input(f"{label}: path on the server", key=f"{key}.path", help=help_text)
        path = Path(text.strip())
        return Upload(path.name, _identity(path), path=path) if text.strip() else None
    most = settings().session_upload_mb
    found = st.file_uploader(
        label,
        key=f"{key}.file",
        accept_multiple_files=bool(beside),
        help=f"{help_text} Files of one browser session may take {most:,} MB together.",
        max_upload_size=min(most, st.get_option("server.maxUploadSize")),
    )
    files = found if isinstance(found, list) else [found] if found else []
    if any(file.type == REFUSED for file in files):
        st.error(too_much())
        return None
    with errors_shown():
        return together(files, types)
    return None


def together(files: Sequence[Any], types: Sequence[str]) -> Upload | None:
    """The one of these files that is of such a type, the others beside it; None without any.

    A box takes files of every type: one that the browser refuses is marked red without a reason.
    Raises: InputError where there are several of the types, or nothing but external data.
    """
    asked = [file for file in files if file.name.lower().endswith(tuple(f".{t}" for t in types))]
    if len(asked) > 1:
        names = ", ".join(file.name for file in asked)
        raise InputError(f"{names} were given, and one is opened.", "Remove the others.", "upload")
    if files and all(file.name.lower().endswith(_BESIDE) for file in files):
        what = "What was given is the external data of a model, not the model."
        raise InputError(what, "Add the .onnx file that it belongs to.", "upload")
    asked = asked or list(files[:1])  # of another type: its content tells what to do
    beside = tuple(file for file in files if file not in asked)
    identity = " ".join(file.file_id for file in files)
    return Upload(asked[0].name, identity, asked[0], beside=beside) if asked else None


def _identity(path: Path) -> str:
    """Changes with the file and with its neighbours, such as external data put beside it."""
    with suppress(OSError, ValueError):
        return f"{path} {path.stat().st_mtime_ns} {path.parent.stat().st_mtime_ns}"
    return str(path)
