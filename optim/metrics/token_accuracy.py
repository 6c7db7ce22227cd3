"""Token accuracy."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support import tokens
from optim.metrics.support.rows import Rows, ratio
from optim.model import TensorSpec


class TokenAccuracy(Metric):
    """Share of places of sequences that get the label's class."""

    name: ClassVar[str] = "token_accuracy"
    title: ClassVar[str] = "Token accuracy"
    summary: ClassVar[str] = (
        "The share of places whose highest score is the label's class, over all sequences' places "
        "at once. Places marked -100, or any number below 0, do not count."
    )
    helps: ClassVar[str] = "Taggers and language models, which answer for each token."
    hurts: ClassVar[str] = (
        "Frequent tokens decide it, and one place too many shifts all after it: then "
        "edit_distance says more."
    )
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "tokens"

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """How many of its places are right, and how many count."""
        answers, labels = self.places(output, label)
        return float(np.sum(answers == labels)), float(labels.size)

    def places(self, output: Array, label: Array) -> tuple[Array, Array]:
        """Of those that count."""
        counts = label.ravel() >= 0
        return tokens.answer(output)[counts], label.ravel()[counts]

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """Of all places at once; 0 where none counts."""
        right, count = (weights @ rows).T
        return ratio(right, count, np.array(0.0))

    def candidates(self, outputs: Sequence[TensorSpec]) -> Sequence[TensorSpec]:
        """Those that score places, then those that have decided on them."""
        return tokens.places_first(outputs)

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """As many places as a label has."""
        decided = tokens.decides_places(spec) and label_size in (None, max(spec.shape))
        return tokens.scores_places(spec, label_size) or decided

    def checked(self, labels: Array) -> Array:
        """Whole numbers [samples, places]."""
        return tokens.checked(labels)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """A row of whole numbers for each sample, and an output with as many places."""
        if labels is None or not tokens.are_sequences(labels):
            return 0
        return 45 if any(self.fits(spec, labels[0].size) for spec in outputs) else 0
