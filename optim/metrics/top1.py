"""Top-1 accuracy."""

from collections.abc import Sequence
from typing import ClassVar

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.outputs import is_class_like, is_decision
from optim.metrics.support.topk import among_top
from optim.model import TensorSpec


class Top1(Metric):
    """Share of samples whose highest score is the label's."""

    name: ClassVar[str] = "top1"
    also: ClassVar[tuple[str, ...]] = ("accuracy", "acc", "categorical_accuracy")
    title: ClassVar[str] = "Top-1 accuracy"
    summary: ClassVar[str] = "The share of samples whose highest score is the label's class."
    helps: ClassVar[str] = (
        "Classifiers whose classes are about as frequent: the plainest figure there is, with an "
        "exact paired test of the difference."
    )
    hurts: ClassVar[str] = (
        "Where one class is rare, always answering the other scores well. A lowered precision "
        "that changes scores but not their order does not show."
    )
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "class"
    right_or_wrong: ClassVar[bool] = True

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """1 where the answer is right, else 0."""
        return among_top(1, output, label)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """One whole number per sample, and an output of class scores; or all outputs decided."""
        if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iub":
            return 0
        decided = all("int" in spec.dtype for spec in outputs) and any(map(is_decision, outputs))
        return 30 if decided or any(map(is_class_like, outputs)) else 0

    def suspect_below(self, class_count: int) -> float:
        """Half as good again as guessing among the classes."""
        return min(0.6, 1.5 / max(2, class_count))

    def agreement(self, value: float, where: str) -> str:
        """How often the top class is the original's."""
        return f"The same top class as the original on {100 * value:.1f} % of {where}"
