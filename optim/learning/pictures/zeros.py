"""Pruning drawn: a real weight with its small values at zero, anywhere or by whole channels."""

from typing import Any, ClassVar

import numpy as np
import plotly.graph_objects as go
from pydantic import Field

from optim import sandbox
from optim.arrays import Array
from optim.findings import percent
from optim.learning.drawing import laid
from optim.learning.picture import Panel, Picture
from optim.learning.sample import opened
from optim.names import legible

_SHOWN = 48  # rows and columns


class Zeros(Picture):
    """The largest matrix product's weight: as it is, and pruned in three ways."""

    title: ClassVar[str] = "Where the zeros are"

    sample: str
    sparsity: float = Field(default=0.5, ge=0.1, le=0.9, description="Share of weights at zero.")

    def draw(self) -> tuple[Panel, ...]:
        of = opened(self.sample)
        argument = {"path": str(of.model.path), "sparsity": self.sparsity}
        seen = sandbox.call(prune, argument, where="picture", files=of.files)
        name = legible(seen["name"], 60)
        texts = {
            "As trained": f"A corner of {name}, {seen['rows']} × {seen['columns']} weights.",
            "Unstructured": "The smallest are zero wherever they lie. The matrix keeps its shape: "
            "a dense kernel multiplies the zeros, too.",
            "2:4": "Two of every four are zero: a pattern that some GPUs skip, and no CPU engine "
            "here.",
            "Structured": "Whole rows are zero, so they can be left out: a smaller dense matrix, "
            "which is faster everywhere. It costs quality the most.",
        }
        return tuple(
            Panel(
                title,
                _heat(seen["panes"][title]),
                f"{says} {percent(seen['kept'][title])} of its norm is left.",
            )
            for title, says in texts.items()
        )


def _heat(values: list[list[float]]) -> go.Figure:
    shown = [[None if value == 0 else value for value in row] for row in values]
    reach = float(np.abs(values).max())
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            zmin=-reach,
            zmax=reach,
            colorscale=[[0, "#c98a2b"], [0.5, "#c9d2da"], [1, "#1f8fc0"]],
            hovertemplate="%{z:.3g}<extra></extra>",
            colorbar={"title": "weight", "thickness": 12},
        )
    )
    laid(figure, "inputs; empty: zero", "outputs", 340)
    return figure.update_xaxes(showgrid=False).update_yaxes(showgrid=False)


def prune(path: str, sparsity: float) -> dict[str, Any]:
    """The child's side: the corner of a weight, and of its pruned forms."""
    import onnx
    from onnx import numpy_helper

    weights = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    fit = {n: w for n, w in weights.items() if w.dtype == np.float32 and w.ndim > 1}
    name = max(fit, key=lambda name: fit[name].size)
    whole = fit[name].reshape(len(fit[name]), -1).astype(np.float64)
    forms = {
        "As trained": whole,
        "Unstructured": whole * _largest(np.abs(whole), sparsity),
        "2:4": whole * _two_of_four(np.abs(whole)),
        "Structured": whole * _largest(np.linalg.norm(whole, axis=1), sparsity)[:, None],
    }
    return {
        "name": name,
        "rows": whole.shape[0],
        "columns": whole.shape[1],
        "panes": {title: form[:_SHOWN, :_SHOWN].tolist() for title, form in forms.items()},
        "kept": {
            title: float(np.linalg.norm(form) / np.linalg.norm(whole))
            for title, form in forms.items()
        },
    }


def _largest(sizes: Array, sparsity: float) -> Array:
    """True for all but this share of the smallest."""
    return np.asarray(sizes > np.quantile(sizes, sparsity))


def _two_of_four(sizes: Array) -> Array:
    """True for the two largest of every four in a row; what is left over at its end stays."""
    kept = np.ones(sizes.shape, bool)
    whole = sizes.shape[1] // 4 * 4
    fours = sizes[:, :whole].reshape(len(sizes), -1, 4)
    order = fours.argsort(axis=2).argsort(axis=2)
    kept[:, :whole] = (order >= 2).reshape(len(sizes), -1)
    return kept
