"""Top-3 accuracy: a metric as somebody would drop it into `optim/metrics/`."""

from collections.abc import Sequence
from typing import ClassVar

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.outputs import is_decision
from optim.metrics.support.topk import among_top
from optim.model import TensorSpec


class Top3(Metric):
    """Share of samples whose label is among the three highest scores."""

    name: ClassVar[str] = "top3"
    title: ClassVar[str] = "Top-3 accuracy"
    summary: ClassVar[str] = "The share of samples whose label is among the three highest scores."
    helps: ClassVar[str] = "Suggestions of which a person picks one."
    hurts: ClassVar[str] = "With three classes it is always 100 %."
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "class"
    right_or_wrong: ClassVar[bool] = True

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """1 where the label is among the three, else 0."""
        return among_top(3, output, label)

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Scores of classes."""
        return super().fits(spec, label_size) and not is_decision(spec)
