"""Cosine similarity."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.rows import Rows, numbers, ratio


class Cosine(Metric):
    """Cosine of the angle between the outputs and the labels, over all samples at once."""

    name: ClassVar[str] = "cosine"
    title: ClassVar[str] = "Cosine similarity"
    summary: ClassVar[str] = (
        "The cosine of the angle between the outputs and the labels, or the original's outputs "
        "where there are no labels, over all samples' values at once."
    )
    helps: ClassVar[str] = "Embeddings and other vectors whose direction counts."
    hurts: ClassVar[str] = (
        "It does not see a change of scale, and samples with large values outweigh the others."
    )
    kind: ClassVar[Kind] = "numbers"
    needs_labels: ClassVar[bool] = False
    least: ClassVar[float] = -1.0

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """Their product and both squared lengths."""
        a, b = numbers(output), numbers(label)
        return float(a @ b), float(a @ a), float(b @ b)

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """Of all values at once; 1 where both sides are all zero."""
        dot, a, b = (weights @ rows).T
        return ratio(dot, np.sqrt(a * b), np.where((a == 0) & (b == 0), 1.0, 0.0))

    def agreement(self, value: float, where: str) -> str:
        """The cosine to the original's outputs."""
        return f"Cosine {value:.4f} to the original's outputs on {where}"
