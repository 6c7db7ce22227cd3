"""What a model's graph is made of, what it costs, what an optimization changed in it."""

from collections.abc import Callable
from typing import Any

from optim import sandbox
from optim.graph.diff import Fusion, GraphDiff, compare_graphs
from optim.graph.match import GraphMatch, NodeMatch, match_graphs
from optim.graph.values import Analysis, NodeRow, Weight, Weights
from optim.home import kept
from optim.model import Model

__all__ = [
    "Analysis",
    "Fusion",
    "GraphDiff",
    "GraphMatch",
    "NodeMatch",
    "NodeRow",
    "Weight",
    "analysis_of",
    "compare_graphs",
    "match_graphs",
    "matched",
    "weights_of",
]

ANALYSE = sandbox.Named("optim.graph.analysis:analyse_json")  # it imports onnx
WEIGH = sandbox.Named("optim.graph.weights:weigh_json")
_VERSION = 6
"""Raised whenever the same model would be counted differently: older caches are then unused."""


def analysis_of(model: Model, cancelled: Callable[[], bool] = lambda: False) -> Analysis:
    """The model's analysis, made in a sandboxed child and kept under the home folder.

    Raises StepError where the graph cannot be read; Cancelled.
    """

    def make() -> Analysis:
        return Analysis.model_validate(_asked(ANALYSE, model, cancelled))

    return kept(Analysis, f"analyses/v{_VERSION}", model.digest, make)


def weights_of(model: Model, cancelled: Callable[[], bool] = lambda: False) -> dict[str, Weight]:
    """The model's constant tensors by name, read in a sandboxed child, and kept.

    Raises StepError where they cannot be read; Cancelled.
    """

    def make() -> Weights:
        return Weights.model_validate(_asked(WEIGH, model, cancelled))

    return kept(Weights, "weights/v1", model.digest, make).tensors


def matched(a: Model, b: Model) -> GraphMatch:
    """What became of the nodes of `a` in `b`, by their tensors and weights. Raises StepError."""
    return match_graphs(analysis_of(a), analysis_of(b), weights_of(a), weights_of(b))


def _asked(function: sandbox.Named, model: Model, cancelled: Callable[[], bool]) -> Any:
    return sandbox.call(
        function,
        {"path": str(model.path)},
        where="analyse",
        files=sandbox.Files(readable=(model.folder,)),
        cancelled=cancelled,
    )
