"""Top-5 accuracy."""

from collections.abc import Sequence
from typing import ClassVar

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.outputs import is_decision
from optim.metrics.support.topk import among_top
from optim.model import TensorSpec


class Top5(Metric):
    """Share of samples whose label is among the five highest scores."""

    name: ClassVar[str] = "top5"
    title: ClassVar[str] = "Top-5 accuracy"
    summary: ClassVar[str] = (
        "The share of samples whose label's class is among the five highest scores."
    )
    helps: ClassVar[str] = (
        "Classifiers of hundreds of classes, some of which even people mix up, such as ImageNet's."
    )
    hurts: ClassVar[str] = (
        "With few classes it is near 100 % whatever happens; with five or fewer it always is."
    )
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "class"
    right_or_wrong: ClassVar[bool] = True

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """1 where the label is among the five, else 0."""
        return among_top(5, output, label)

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Scores of classes; one that is decided has no second place."""
        return super().fits(spec, label_size) and not is_decision(spec)

    def agreement(self, value: float, where: str) -> str:
        """How often the original's class is among the five."""
        return f"The original's class among the top 5 on {100 * value:.1f} % of {where}"
