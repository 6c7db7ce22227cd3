"""A real weight of a sample and what rounding does to it: its values, the grid, what is cut off."""

from typing import Any, ClassVar

import numpy as np
import plotly.graph_objects as go
from pydantic import Field

from optim import sandbox
from optim.arrays import Array
from optim.findings import percent
from optim.learning.drawing import RED, WARM, laid
from optim.learning.picture import Panel, Picture
from optim.learning.sample import opened
from optim.names import legible
from optim.showing.chart import ACCENT, GREY

_BINS = 80
_CUTS = 24
_FEWEST = 512  # elements of a weight worth a histogram


class TensorHistogram(Picture):
    """One weight, symmetric integers, one scale for all of it or one for each output channel."""

    title: ClassVar[str] = "A tensor and its rounding"

    sample: str
    tensor: str = Field(
        default="", description="A weight; by default the one whose channels differ most."
    )
    bits: int = Field(default=4, ge=2, le=8, description="Bits of the integers drawn.")

    def draw(self) -> tuple[Panel, ...]:
        of = opened(self.sample)
        argument = {"path": str(of.model.path), "tensor": self.tensor, "bits": self.bits}
        seen = sandbox.call(look, argument, where="picture", files=of.files)
        name = legible(seen["name"], 60)
        ratio = seen["error_tensor"] / seen["error_channel"]
        widest = max(seen["channels"]) / min(seen["channels"])
        return (
            Panel(
                "Its values",
                _values(seen),
                f"{seen['count']:,} weights of {name} (sample {self.sample}), and the {self.bits}-"
                f"bit grid that they are rounded to: one step is {seen['step']:.3g}. Most values "
                "are small, and share few of the steps; the largest one alone sets the range.",
            ),
            Panel(
                "One scale, or one per channel",
                _channels(seen),
                f"The range of each output channel: the widest is {widest:.1f} times the "
                "narrowest. With one scale for the whole tensor narrow channels get few steps; "
                f"with one per channel the error falls to 1/{ratio:.1f} (root mean square, "
                f"{self.bits} bits).",
            ),
            Panel(
                "Saturation",
                _cut(seen),
                "Cutting the range makes steps finer and cuts off what lies beyond it "
                "(saturation). The error of both together, for each cut, in this tensor: the best "
                f"cut keeps {percent(seen['cuts'][int(np.argmin(seen['cut_errors']))])} of the "
                "range.",
            ),
        )


def _values(seen: dict[str, Any]) -> go.Figure:
    edges = np.array(seen["edges"])
    width = edges[1] - edges[0]
    figure = go.Figure(
        go.Bar(x=edges[:-1] + width / 2, y=seen["heights"], width=width, marker={"color": ACCENT})
    )
    for level in seen["grid"]:
        figure.add_vline(x=level, line={"color": WARM, "width": 1})
    return laid(figure, "value of a weight; lines: what can be represented", "how many")


def _channels(seen: dict[str, Any]) -> go.Figure:
    reach = seen["channels"]
    colours = {"color": ACCENT}
    figure = go.Figure(go.Bar(x=list(range(len(reach))), y=reach, name="channel", marker=colours))
    figure.add_hline(y=max(reach), line={"color": WARM}, annotation_text="one scale for all")
    return laid(figure, "output channel", "largest absolute weight")


def _cut(seen: dict[str, Any]) -> go.Figure:
    figure = go.Figure()
    for name, key, colour in (
        ("rounding", "rounding_errors", GREY),
        ("cut off", "clipping_errors", RED),
        ("both", "cut_errors", ACCENT),
    ):
        x = [100 * cut for cut in seen["cuts"]]
        figure.add_scatter(x=x, y=seen[key], name=name, line={"color": colour, "width": 3})
    return laid(figure, "range kept, % of the largest value", "root mean square error")


def look(path: str, tensor: str, bits: int) -> dict[str, Any]:
    """The child's side: the histogram of a weight, and the errors of its roundings."""
    name, weight = _weight(path, tensor)
    values, rows = weight.ravel(), weight.reshape(len(weight), -1)
    top = 2 ** (bits - 1) - 1
    reach, channels = float(np.abs(values).max()), np.abs(rows).max(axis=1)
    cuts = np.linspace(0.15, 1.0, _CUTS)
    errors = [_errors(values, cut * reach, top) for cut in cuts]
    heights, edges = np.histogram(values, _BINS)
    return {
        "name": name,
        "count": values.size,
        "heights": heights.tolist(),
        "edges": edges.tolist(),
        "step": reach / top,
        "grid": (np.arange(-top, top + 1) * reach / top).tolist() if bits <= 5 else [],
        "channels": channels.tolist(),
        "error_tensor": _rms(_rounded(values, reach, top) - values),
        "error_channel": _rms(_rounded(rows, channels[:, None], top) - rows),
        "cuts": cuts.tolist(),
        "rounding_errors": [one[0] for one in errors],
        "clipping_errors": [one[1] for one in errors],
        "cut_errors": [one[2] for one in errors],
    }


def _weight(path: str, tensor: str) -> tuple[str, Array]:
    import onnx
    from onnx import numpy_helper

    weights = {
        t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer if t.dims
    }
    large = {n: w for n, w in weights.items() if w.ndim > 1 and w.size >= _FEWEST}
    fit = {n: w for n, w in large.items() if w.dtype == np.float32 and _reach(w).all()}
    name = tensor if tensor in fit else max(fit, key=lambda name: _spread(fit[name]))
    return name, fit[name].astype(np.float64)


def _spread(weight: Array) -> float:
    """How much wider its widest channel is than its narrowest."""
    reach = _reach(weight)
    return float(reach.max() / reach.min())


def _reach(weight: Array) -> Array:
    """The largest absolute value of each output channel."""
    return np.asarray(np.abs(weight).reshape(len(weight), -1).max(axis=1))


def _rounded(values: Array, reach: Any, top: int) -> Array:
    step = np.asarray(reach) / top
    return np.clip(np.round(values / step), -top, top) * step


def _errors(values: Array, reach: float, top: int) -> tuple[float, float, float]:
    """Root mean square of what rounding, of what cutting off, and of what both do."""
    cut = np.clip(values, -reach, reach)
    rounded = _rounded(cut, reach, top)
    return _rms(rounded - cut), _rms(cut - values), _rms(rounded - values)


def _rms(error: Array) -> float:
    return float(np.sqrt(np.mean(error**2)))
