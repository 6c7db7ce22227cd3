"""Plotly's own scripts, which the server ships: where pages load them from, and how."""

from pathlib import Path

from plotly import offline

SMALL_PLOTLY_URL, PLOTLY_URL = "/vendor/plotly-basic.min.js", "/vendor/plotly.min.js"
"""The build that draws points, lines and bars, and the whole of it."""


def scripts() -> dict[str, Path]:
    """The file that stands at each address: the whole as the package of the same name brings it,
    the small build, of the same version, as published on npm."""
    brought = Path(offline.__file__).parent.parent / "package_data"
    own = Path(__file__).with_name("vendor")
    folders = {SMALL_PLOTLY_URL: own, PLOTLY_URL: brought}
    return {url: folder / url.rpartition("/")[2] for url, folder in folders.items()}


def loader() -> str:
    """JavaScript with a function `plotly()`, which promises Plotly."""
    return Path(__file__).with_name("plotly.js").read_text(encoding="utf-8")
