"""Mean absolute error."""

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.rows import error_of
from optim.model import TensorSpec


class Mae(Metric):
    """How far off the outputs are, on average."""

    name: ClassVar[str] = "mae"
    also: ClassVar[tuple[str, ...]] = ("mean_absolute_error", "l1")
    title: ClassVar[str] = "Mean absolute error"
    summary: ClassVar[str] = (
        "How far the outputs are from the labels on average, in the labels' own unit."
    )
    helps: ClassVar[str] = "Forecasts and other numbers, where every unit of error costs the same."
    hurts: ClassVar[str] = "A few large misses hardly show; RMSE weighs them more."
    kind: ClassVar[Kind] = "numbers"
    higher_is_better: ClassVar[bool] = False
    most: ClassVar[float] = math.inf

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """The sample's mean absolute error."""
        return (float(np.mean(np.abs(error_of(output, label)))),)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """Any labels that nothing else is for."""
        return 0 if labels is None else 10
