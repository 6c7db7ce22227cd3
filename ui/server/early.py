"""Scripts that a page will need, named in its head so that the browser reads them from the start.

Streamlit asks for the script of a kind of element when the first of its kind is to be drawn: after
its own scripts have run, the connection stands and the page's script has answered.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import streamlit

SCRIPTS = Path(streamlit.__file__).parent / "static" / "static" / "js"
_IMPORTS = re.compile(r'(?:from|import)\s*"\./([^"]+\.js)"')
_MAIN = "index"
EVERYWHERE = ("BidiComponent", "Button")
_OF_PAGE = {
    "start": ("FileUploader", "Checkbox"),
    "explore": ("DataFrame", "Slider", "Multiselect", "Selectbox", "Checkbox", "TextInput"),
}
"""Elements that each page begins with, as Streamlit names their scripts."""


def preloads(page: str) -> str:
    """Links for the head of a page; none for what this Streamlit does not have."""
    scripts = _with_imports((*EVERYWHERE, *_OF_PAGE.get(page, ())))
    names = [name for name in scripts if name not in _with_imports((_MAIN,))]
    return "".join(f'<link rel="modulepreload" href="./static/js/{name}">' for name in names)


@cache
def _with_imports(elements: Sequence[str]) -> tuple[str, ...]:
    """File names of these scripts and of all that they import, each once."""
    todo = [name for element in elements for name in _called(element)]
    found: dict[str, None] = {}
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = None
            todo += _IMPORTS.findall((SCRIPTS / name).read_text(encoding="utf-8"))
    return tuple(found)


def _called(element: str) -> Iterator[str]:
    """Its file's name, which has its digest in it."""
    return (path.name for path in sorted(SCRIPTS.glob(f"{element}.*.js"))[:1])
