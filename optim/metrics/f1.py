"""F1."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.outputs import size_of
from optim.metrics.support.rows import Rows, ratio
from optim.model import TensorSpec


class F1(Metric):
    """Harmonic mean of precision and recall."""

    name: ClassVar[str] = "f1"
    also: ClassVar[tuple[str, ...]] = ("f1_score",)
    title: ClassVar[str] = "F1"
    summary: ClassVar[str] = (
        "The harmonic mean of precision and recall: of class 1 for outputs of one or two values, "
        "else the plain average over the classes. A single score is decided at 0.5 where the "
        "original's are probabilities, at 0 where they are logits."
    )
    helps: ClassVar[str] = "Decisions where one class is rare and both kinds of error count."
    hurts: ClassVar[str] = (
        "True negatives do not count at all, and with few samples of a class the average over "
        "classes is unsteady."
    )
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "class"

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """The answer (of a single value still its score), the label, how many values there are."""
        values = output.ravel().astype(np.float64)
        answer = values[0] if values.size == 1 else np.argmax(values)
        return float(answer), float(label), float(values.size)

    def decided(self, rows: Rows, baseline: Rows) -> Rows:
        """Single scores as 0 or 1.

        The threshold is 0.5 where the original's scores are probabilities (all within 0 and 1)
        and 0 where they are logits.
        """
        if rows[0, 2] != 1:
            return rows
        probabilities = bool(np.all((baseline[:, 0] >= 0) & (baseline[:, 0] <= 1)))
        taken = rows.copy()
        taken[:, 0] = rows[:, 0] > (0.5 if probabilities else 0.0)
        return taken

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """F1 of class 1 for outputs of one or two values, else the macro average over classes."""
        answers, labels, size = rows[:, 0], rows[:, 1], rows[0, 2]
        classes = [1.0] if size <= 2 else np.unique(rows[:, :2])
        values: Rows = np.mean([_of(answers == c, labels == c, weights) for c in classes], axis=0)
        return values

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Also a single score."""
        return super().fits(spec, label_size) or size_of(spec) == 1


def _of(answered: Array, true: Array, weights: Rows) -> Rows:
    hits = weights @ (answered & true).astype(np.float64)
    total = weights @ (answered.astype(np.float64) + true.astype(np.float64))
    return ratio(2 * hits, total, np.array(0.0))
