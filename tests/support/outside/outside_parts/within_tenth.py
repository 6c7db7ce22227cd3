"""Share of the numbers that are about right."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.rows import error_of, numbers


class WithinTenth(Metric):
    """How many of the outputs are within a tenth of the labels."""

    name: ClassVar[str] = "within_tenth"
    title: ClassVar[str] = "Within a tenth"
    summary: ClassVar[str] = "The share of outputs that are within a tenth of the label's size."
    helps: ClassVar[str] = "Forecasts that are of use when they are about right."
    hurts: ClassVar[str] = "It does not tell a near miss from a far one."
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "numbers"

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """The sample's share."""
        near = np.abs(error_of(output, label)) <= np.abs(numbers(label)) / 10
        return (float(np.mean(near)),)
