"""What a teacher knows beside the label: its probabilities on real samples."""

from typing import Any, ClassVar

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from pydantic import Field

from optim import sandbox
from optim.evalset import evalset_from_digest
from optim.learning.drawing import laid
from optim.learning.picture import Panel, Picture
from optim.learning.sample import opened
from optim.showing.chart import ACCENT, GREY

_LOOKED_AT = 200


class SoftTargets(Picture):
    """The calibration samples of which the teacher is least sure, as a student would get them."""

    title: ClassVar[str] = "Labels, and what the teacher says"

    sample: str
    temperature: float = Field(default=4.0, gt=0, le=50, description="Softens the teacher.")
    count: int = Field(default=3, ge=1, le=6, description="Samples shown.")

    def draw(self) -> tuple[Panel, ...]:
        of = opened(self.sample)
        argument = {
            "path": str(of.model.path),
            "evalset": of.evalset.digest,
            "temperature": self.temperature,
            "count": self.count,
        }
        seen = sandbox.call(ask, argument, where="picture", files=of.files)
        names = of.evalset.classes or tuple(map(str, range(len(seen[0]["soft"]))))
        return tuple(self._panel(place + 1, one, names) for place, one in enumerate(seen))

    def _panel(self, place: int, one: dict[str, Any], names: tuple[str, ...]) -> Panel:
        label = names[one["label"]]
        second = names[max((p, at) for at, p in enumerate(one["soft"]) if at != one["label"])[1]]
        figure = go.Figure()
        hard = [float(at == one["label"]) for at in range(len(names))]
        for title, y, colour in (
            ("label", hard, GREY),
            (f"teacher, temperature {self.temperature:g}", one["soft"], ACCENT),
        ):
            figure.add_bar(x=list(names), y=y, name=title, marker={"color": colour})
        laid(figure, "class", "probability").update_layout(barmode="group")
        if one["seen"]:
            _drawn_beside(figure, one["seen"])
        return Panel(
            f"Sample {place}",
            figure,
            f"The label says {label} and nothing else. The teacher also says how much it looks "
            f"like {second}: that is what a student can learn from few samples.",
        )


def _drawn_beside(figure: go.Figure, grey: list[list[float]]) -> None:
    """The sample itself, right of its bars."""
    figure.add_heatmap(
        z=grey, xaxis="x2", yaxis="y2", colorscale="Greys_r", showscale=False, hoverinfo="skip"
    )
    figure.update_layout(
        xaxis_domain=[0, 0.72],
        xaxis2={"domain": [0.78, 1], "visible": False},
        yaxis2={"anchor": "x2", "autorange": "reversed", "visible": False, "scaleanchor": "x2"},
    )


def ask(path: str, evalset: str, temperature: float, count: int) -> list[dict[str, Any]]:
    """The child's side: label and softened probabilities of the least certain samples."""
    from pathlib import Path

    from optim.recipe import Recipe

    samples = evalset_from_digest(evalset)
    session = Recipe.baseline().runtime.open(Path(path))
    feeds = samples.feeds("calibration", _LOOKED_AT)
    labels = np.asarray(samples.labels("calibration", _LOOKED_AT))
    scores = np.stack([next(iter(session.run(feed).values())).ravel() for feed in feeds])
    soft = _softmax(scores / temperature)
    order = np.argsort(soft.max(axis=1))[:count]
    return [
        {"label": int(labels[at]), "soft": soft[at].tolist(), "seen": beside(feeds[at])}
        for at in order
    ]


def beside(feed: dict[str, NDArray[Any]]) -> list[list[float]]:
    """A sample that is a picture (1, channels, height, width) in grey; else nothing."""
    values = next(iter(feed.values()))
    pictured = len(feed) == 1 and values.ndim == 4 and values.shape[1] in (1, 3)
    return values[0].mean(axis=0).tolist() if pictured else []


def _softmax(scores: np.ndarray) -> np.ndarray:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
