"""Expected calibration error."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.outputs import is_decision
from optim.metrics.support.rows import Rows
from optim.model import TensorSpec

_BINS = 15
_NEAR_ONE = 1e-3


class CalibrationError(Metric):
    """How far a classifier's confidence is from how often it is right."""

    name: ClassVar[str] = "calibration_error"
    title: ClassVar[str] = "Calibration error"
    summary: ClassVar[str] = (
        "Samples are put into 15 bins by the score of their answer; the gap between mean score and "
        "accuracy of each bin, weighted by its samples (expected calibration error, Guo et al. "
        "2017). Scores that do not add up to 1 go through softmax first."
    )
    helps: ClassVar[str] = "Where scores are used as probabilities: thresholds, costs, abstention."
    hurts: ClassVar[str] = (
        "It says nothing of accuracy: a model that guesses and knows it is perfectly calibrated. "
        "Few samples make it too large."
    )
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "class"
    higher_is_better: ClassVar[bool] = False

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """Confidence minus right (1) or wrong (0), in the place of its bin, 0 elsewhere.

        Scores that are not finite are confident and wrong.
        """
        scores = _probabilities(output.ravel().astype(np.float64))
        answer = int(scores.argmax()) if np.isfinite(scores).all() else -1
        confidence = scores[answer] if answer >= 0 else 1.0
        place = min(_BINS - 1, max(0, int(np.ceil(confidence * _BINS)) - 1))
        row = np.zeros(_BINS)
        row[place] = confidence - (answer == int(label))
        return row.tolist()

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """The sum of the bins' gaps."""
        gaps: Rows = np.abs(weights @ rows).sum(axis=1) / weights.sum(axis=1)
        return gaps

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Scores of classes; what is decided has no confidence."""
        return super().fits(spec, label_size) and not is_decision(spec)


def _probabilities(scores: Array) -> Array:
    if not np.isfinite(scores).all():
        return scores
    if scores.min() >= 0 and abs(scores.sum() - 1) < _NEAR_ONE:
        return scores
    raised = np.exp(scores - scores.max())
    return np.asarray(raised / raised.sum())
