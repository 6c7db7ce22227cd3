"""What a model's graph is made of, what it costs, what an optimization changed in it."""

from collections.abc import Callable

from optim import sandbox
from optim.graph.diff import Fusion, GraphDiff, compare_graphs
from optim.graph.values import Analysis, NodeRow
from optim.home import kept
from optim.model import Model

__all__ = [
    "Analysis",
    "Fusion",
    "GraphDiff",
    "NodeRow",
    "analysis_of",
    "compare_graphs",
]

ANALYSE = sandbox.Named("optim.graph.analysis:analyse_json")  # it imports onnx
_VERSION = 3
"""Raised whenever the same model would be counted differently: older caches are then unused."""


def analysis_of(model: Model, cancelled: Callable[[], bool] = lambda: False) -> Analysis:
    """The model's analysis, made in a sandboxed child and kept under the home folder.

    Raises StepError where the graph cannot be read; Cancelled.
    """

    def make() -> Analysis:
        found = sandbox.call(
            ANALYSE,
            {"path": str(model.path)},
            where="analyse",
            files=sandbox.Files(readable=(model.folder,)),
            cancelled=cancelled,
        )
        return Analysis.model_validate(found)

    return kept(Analysis, f"analyses/v{_VERSION}", model.digest, make)
