"""F1 over several labels of each sample."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.outputs import size_of
from optim.metrics.support.rows import Rows, numbers, ratio
from optim.model import TensorSpec


class MultilabelF1(Metric):
    """Harmonic mean of precision and recall, over all labels of all samples."""

    name: ClassVar[str] = "multilabel_f1"
    title: ClassVar[str] = "Multi-label F1"
    summary: ClassVar[str] = (
        "The harmonic mean of precision and recall over every label of every sample at once "
        "(micro average), where a sample may have several labels or none: 0 or 1 for each. Scores "
        "are decided at 0.5 where the original's are probabilities, at 0 where they are logits."
    )
    helps: ClassVar[str] = "Tags, findings, faults: what a sample has any number of."
    hurts: ClassVar[str] = "Labels that are rare hardly count beside frequent ones."
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "numbers"

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """The scores, and behind them which of the labels the sample has."""
        return [*numbers(output).tolist(), *(numbers(label) > 0).astype(float).tolist()]

    def decided(self, rows: Rows, baseline: Rows) -> Rows:
        """Scores as 0 or 1, both models' by the same threshold."""
        scores, _ = np.split(baseline, 2, axis=1)
        probabilities = bool(np.all((scores >= 0) & (scores <= 1)))
        answers, labels = np.split(rows, 2, axis=1)
        taken: Rows = np.hstack([answers > (0.5 if probabilities else 0.0), labels])
        return taken

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """Twice the labels that both have, of those that either has; 0 where none has any."""
        answers, labels = np.split(rows, 2, axis=1)
        hits = weights @ (answers * labels).sum(axis=1)
        total = weights @ (answers + labels).sum(axis=1)
        return ratio(2 * hits, total, np.array(0.0))

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """Rows of 0 and 1, more than one 1 in some of them, for an output of as many scores."""
        if labels is None or labels.ndim != 2 or labels.shape[1] < 2:
            return 0
        sizes = {size_of(spec) for spec in outputs if "float" in spec.dtype}
        several = np.isin(labels, (0, 1)).all() and labels.sum(axis=1).max(initial=0) > 1
        return 30 if several and labels.shape[1] in sizes else 0
