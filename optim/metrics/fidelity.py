"""Agreement with the original, where there are no labels."""

from collections.abc import Sequence
from typing import ClassVar

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.cosine import Cosine
from optim.metrics.support.topk import among_top
from optim.metrics.top1 import Top1
from optim.model import TensorSpec


class Fidelity(Metric):
    """How often the optimized model answers as the original does."""

    name: ClassVar[str] = "fidelity"
    title: ClassVar[str] = "Agreement with the original"
    summary: ClassVar[str] = (
        "How often the optimized model's top class is the original's; for outputs that are no "
        "class scores, their cosine similarity to the original's."
    )
    helps: ClassVar[str] = "Models without labelled inputs: it tells whether anything changed."
    hurts: ClassVar[str] = (
        "It is no accuracy: what the original gets wrong counts as right, and a change for the "
        "better counts as a loss."
    )
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "any"
    needs_labels: ClassVar[bool] = False
    ignores_labels: ClassVar[bool] = True

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """1 where the top class is the original's, else 0."""
        return among_top(1, output, label)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """No labels."""
        return 10 if labels is None else 0

    def on(self, scores_classes: bool) -> Metric:
        """The original's answers are the labels."""
        return Top1() if scores_classes else Cosine()
