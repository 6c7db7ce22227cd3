"""Edit distance of sequences, as a rate."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind
from optim.metrics.support import tokens
from optim.metrics.support.ctc import ReadsSequences, scores_steps, time_steps
from optim.metrics.support.rows import Rows, ratio
from optim.model import TensorSpec


class EditDistance(ReadsSequences):
    """How many tokens must be changed, for each token of the labels (token error rate)."""

    name: ClassVar[str] = "edit_distance"
    also: ClassVar[tuple[str, ...]] = ("wer", "cer", "token_error_rate")
    title: ClassVar[str] = "Token error rate"
    summary: ClassVar[str] = (
        "The fewest tokens to insert, delete or replace until the answers are the labels "
        "(Levenshtein), divided by the labels' tokens, over all sequences at once. Numbers below "
        "0 are no tokens, on either side; where each place of a label is scored, answers in such "
        "places are none either."
    )
    helps: ClassVar[str] = "Speech, text in pictures, translation: answers of any length."
    hurts: ClassVar[str] = (
        "Tokens are compared, not what they spell: of word pieces each wrong one counts. It "
        "may be over 100 %."
    )
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "tokens"
    any_count: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False
    most: ClassVar[float] = float("inf")

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """How many edits it takes, and how many tokens the label has."""
        wanted = self.wanted(output, label)
        return float(tokens.edits(self.answered(output, label), wanted)), float(len(wanted))

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """Of all sequences at once; 0 where labels have no tokens."""
        edits, count = (weights @ rows).T
        return ratio(edits, count, np.array(0.0))

    def candidates(self, outputs: Sequence[TensorSpec]) -> Sequence[TensorSpec]:
        """Those that have decided on places, then those that score them."""
        if self.ctc_blank != "none":
            return [spec for spec in outputs if scores_steps(spec)]
        return tokens.places_first(outputs)[::-1]

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Any number of places."""
        if self.ctc_blank != "none":
            return scores_steps(spec)
        return tokens.decides_places(spec) or tokens.scores_places(spec, None)

    def checked(self, labels: Array) -> Array:
        """Whole numbers [samples, places]."""
        return tokens.checked(labels)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """A row of whole numbers for each sample, and an output of tokens or of time steps."""
        decided = any(map(tokens.decides_places, outputs))
        able = decided or bool(time_steps(labels, outputs))
        return 30 if tokens.are_sequences(labels) and able else 0
