"""Plotly's own script, which the server ships: where pages load it from, and how."""

from pathlib import Path

from plotly import offline

PLOTLY_URL = "/vendor/plotly.min.js"


def plotly_file() -> Path:
    """The script as the package of the same name brings it."""
    return Path(offline.__file__).parent.parent / "package_data" / "plotly.min.js"


def loader() -> str:
    """JavaScript with a function `plotly()`, which promises Plotly."""
    return Path(__file__).with_name("plotly.js").read_text(encoding="utf-8")
