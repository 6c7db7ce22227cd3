"""Calibration: the range of a real activation as samples pass by, and where it may be cut."""

from typing import Any, ClassVar

import numpy as np
import plotly.graph_objects as go
from pydantic import Field

from optim import sandbox
from optim.evalset import evalset_from_digest
from optim.findings import percent
from optim.learning.drawing import RED, WARM, laid
from optim.learning.picture import Panel, Picture
from optim.learning.sample import opened
from optim.names import legible
from optim.showing.chart import ACCENT

_BINS = 80
_KEPT = 99.9  # percent


class Ranges(Picture):
    """One tensor inside the model, read out on calibration samples."""

    title: ClassVar[str] = "The range of an activation"

    sample: str
    samples: int = Field(default=64, ge=2, le=500, description="Calibration samples run.")
    at: float = Field(default=0.6, ge=0, le=1, description="How deep in the model it is read.")

    def draw(self) -> tuple[Panel, ...]:
        of = opened(self.sample)
        argument = {
            "path": str(of.model.path),
            "evalset": of.evalset.digest,
            "samples": self.samples,
            "at": self.at,
        }
        seen = sandbox.call(watch, argument, where="picture", files=of.files)
        name, widest = legible(seen["name"], 60), max(seen["largest"])
        kept = seen["percentile"] / widest
        return (
            Panel(
                "As samples pass by",
                _growing(seen),
                f"The largest value of {name} in each of {self.samples} calibration samples, and "
                f"the range seen so far. The first sample alone gives {seen['largest'][0]:.3g}, "
                f"all of them {widest:.3g}: what lies beyond the range is cut off later.",
            ),
            Panel(
                "Where to cut",
                _where(seen),
                f"All values of it. Minmax keeps everything; the {_KEPT:g} % percentile ends at "
                f"{percent(kept)} of that, so its steps are {1 / kept:.2f} times finer.",
            ),
        )


def _growing(seen: dict[str, Any]) -> go.Figure:
    count = list(range(1, 1 + len(seen["largest"])))
    figure = go.Figure()
    figure.add_scatter(
        x=count, y=seen["largest"], mode="markers", name="of one sample", marker={"color": ACCENT}
    )
    so_far = np.maximum.accumulate(seen["largest"])
    figure.add_scatter(
        x=count, y=so_far, name="range so far", line={"color": WARM, "width": 3, "shape": "hv"}
    )
    return laid(figure, "calibration sample", "largest absolute value")


def _where(seen: dict[str, Any]) -> go.Figure:
    edges = np.array(seen["edges"])
    width = edges[1] - edges[0]
    figure = go.Figure(
        go.Bar(x=edges[:-1] + width / 2, y=seen["heights"], width=width, marker={"color": ACCENT})
    )
    for name, x, colour in (
        ("minmax", max(seen["largest"]), WARM),
        (f"{_KEPT:g} %", seen["percentile"], RED),
    ):
        figure.add_vline(x=x, line={"color": colour, "width": 3}, annotation_text=name)
    return laid(figure, "absolute value", "how many").update_yaxes(type="log")


def watch(path: str, evalset: str, samples: int, at: float) -> dict[str, Any]:
    """The child's side: what a tensor's values are on calibration samples."""
    import onnx
    import onnxruntime as ort

    model = onnx.load(path)
    made = [n.output[0] for n in model.graph.node if n.op_type in ("Relu", "Add", "MatMul", "Gemm")]
    name = made[min(int(at * len(made)), len(made) - 1)]
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options)
    feeds = evalset_from_digest(evalset).feeds("calibration", samples)
    values = [np.abs(session.run([name], feed)[0]).ravel() for feed in feeds]
    together = np.concatenate(values)
    heights, edges = np.histogram(together, _BINS)
    return {
        "name": name,
        "largest": [float(one.max()) for one in values],
        "heights": heights.tolist(),
        "edges": edges.tolist(),
        "percentile": float(np.percentile(together, _KEPT)),
    }
