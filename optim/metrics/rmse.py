"""Root mean squared error."""

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.rows import Rows, error_of, mean


class Rmse(Metric):
    """How far off the outputs are, large misses weighing more."""

    name: ClassVar[str] = "rmse"
    also: ClassVar[tuple[str, ...]] = ("root_mean_squared_error",)
    title: ClassVar[str] = "RMSE"
    summary: ClassVar[str] = (
        "The root of the mean squared difference to the labels, in the labels' own unit."
    )
    helps: ClassVar[str] = "Numbers where one large miss is worse than many small ones."
    hurts: ClassVar[str] = "One wrong label can outweigh all the others."
    kind: ClassVar[Kind] = "numbers"
    higher_is_better: ClassVar[bool] = False
    most: ClassVar[float] = math.inf

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """The sample's mean squared error."""
        return (float(np.mean(error_of(output, label) ** 2)),)

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """The root of the samples' mean."""
        values: Rows = np.sqrt(mean(rows, weights))
        return values
