"""Exact match of sequences."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.support import ctc
from optim.metrics.support.rows import Rows, mean
from optim.metrics.token_accuracy import TokenAccuracy
from optim.model import TensorSpec


class ExactMatch(ctc.ReadsSequences, TokenAccuracy):
    """Share of sequences that are right from end to end."""

    name: ClassVar[str] = "exact_match"
    title: ClassVar[str] = "Exact match"
    summary: ClassVar[str] = (
        "The share of sequences of which every place that counts has the label's class."
    )
    helps: ClassVar[str] = "Where one wrong token spoils the answer, as in numbers or commands."
    hurts: ClassVar[str] = "Long sequences are hardly ever right throughout; near misses count not."
    right_or_wrong: ClassVar[bool] = True

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """1 where every place is right, else 0."""
        if self.ctc_blank != "none":
            same = np.array_equal(self.answered(output, label), self.wanted(output, label))
            return (float(same),)
        right, count = super().row(output, label)
        return (float(right == count),)

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """The mean over sequences."""
        return mean(rows, weights)

    def candidates(self, outputs: Sequence[TensorSpec]) -> Sequence[TensorSpec]:
        """Time steps of a CTC model, or places."""
        if self.ctc_blank == "none":
            return super().candidates(outputs)
        return [spec for spec in outputs if ctc.scores_steps(spec)]

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Any number of time steps, or as many places as a label has."""
        if self.ctc_blank == "none":
            return super().fits(spec, label_size)
        return ctc.scores_steps(spec)

    def preference(self, labels: object, outputs: object) -> int:
        """Only where it is named."""
        return 0
