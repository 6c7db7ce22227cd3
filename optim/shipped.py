"""Where the web application and the samples lie: they ship with the library, yet outside of it.

In a checkout they are at the top of the repository. A wheel has them in the package's own folder
`_app`, since top-level `pages` and `ui` would be in the way of others (`pyproject.toml` puts them
there).
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_app"

CHECKOUT = None if _INSTALLED.is_dir() else _PACKAGE.parent
"""The repository's folder; None where the library is installed from a wheel."""

APP = CHECKOUT or _INSTALLED
"""The folder of `app.py` and its `.streamlit/config.toml`."""

LIBRARY = _PACKAGE
"""The folder of the package `optim` itself."""

SAMPLES = APP / "sample_models"
