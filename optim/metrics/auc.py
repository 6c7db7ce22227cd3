"""Area under the ROC curve."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.rows import Rows, ratio
from optim.model import TensorSpec

_RARE = 0.2


class Auc(Metric):
    """How often a sample of class 1 scores above one of class 0."""

    name: ClassVar[str] = "auc"
    also: ClassVar[tuple[str, ...]] = ("roc_auc", "auroc", "roc_auc_score")
    title: ClassVar[str] = "AUC"
    summary: ClassVar[str] = (
        "The area under the ROC curve: how often a sample of class 1 scores higher than one of "
        "class 0, ties counted half. A guess has 0.5."
    )
    helps: ClassVar[str] = (
        "Two classes of which one is rare, and scores whose threshold is chosen later."
    )
    hurts: ClassVar[str] = (
        "Only the order of the scores counts: a model whose probabilities are all off by the same "
        "factor scores as before, and a fixed threshold would then decide otherwise."
    )
    kind: ClassVar[Kind] = "binary"
    chance: ClassVar[float] = 0.5

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """One score, and the label. Of two scores the second minus the first."""
        values = output.ravel().astype(np.float64)
        score = values[0] if values.size == 1 else values[1] - values[0]
        return float(score), float(label)

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """By ranks: P(positive above negative) + half of the ties.

        Mann and Whitney 1947. NaN scores rank last. One class only gives 0.5.
        """
        order = np.argsort(np.nan_to_num(rows[:, 0], nan=-np.inf), kind="stable")
        scores, labels = np.nan_to_num(rows[order, 0], nan=-np.inf), rows[order, 1]
        starts = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
        drawn = weights[:, order]
        positive = np.add.reduceat(drawn * labels, starts, axis=1)
        negative = np.add.reduceat(drawn * (1 - labels), starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        return ratio((positive * (below + negative / 2)).sum(axis=1), pairs, np.array(0.5))

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """One 0 or 1 per sample; before accuracy where one is rare, as fraud is: the other always
        would be right nearly always."""
        if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iub":
            return 0
        if not set(np.unique(labels).tolist()) <= {0, 1}:
            return 0
        rare = min(labels.mean(), 1 - labels.mean())
        return 40 if 0 < rare < _RARE and any(self.fits(one, 1) for one in outputs) else 20

    def suspect_below(self, class_count: int) -> float:
        """A little above guessing."""
        return 0.55
