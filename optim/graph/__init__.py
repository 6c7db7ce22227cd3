"""What a model's graph is made of, what it costs, what an optimization changed in it."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from optim import sandbox
from optim.graph.diff import Fusion, GraphDiff, compare_graphs
from optim.graph.profile import ProfiledNode, join_profile, profile_of
from optim.graph.values import Analysis, NodeRow
from optim.model import Model
from optim.settings import settings

__all__ = [
    "Analysis",
    "Fusion",
    "GraphDiff",
    "NodeRow",
    "ProfiledNode",
    "analysis_of",
    "compare_graphs",
    "join_profile",
    "profile_of",
]

_VERSION = 3
"""Raised whenever the same model would be counted differently: older caches are then unused."""


def analysis_of(model: Model, cancelled: Callable[[], bool] = lambda: False) -> Analysis:
    """The model's analysis, made in a sandboxed child and kept under the home folder.

    Raises StepError where the graph cannot be read; Cancelled.
    """
    cache = settings().home / "analyses" / f"v{_VERSION}" / f"{model.digest}.json"
    if cache.exists():
        return Analysis.model_validate_json(cache.read_bytes())
    found = Analysis.model_validate(
        sandbox.call(
            "optim.graph.analysis:analyse_json",
            {"path": str(model.path)},
            step="analyse",
            cancelled=cancelled,
        )
    )
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent) as folder:  # a reader sees all or nothing
        whole = Path(folder, "analysis")
        whole.write_text(found.model_dump_json())
        whole.replace(cache)
    return found
