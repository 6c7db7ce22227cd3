"""One judged output: its labels, its metric, and what is kept of each sample."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from optim.arrays import Array
from optim.evalset import EvalSet
from optim.findings import Interval
from optim.judging.paired import Difference, difference
from optim.judging.sequential import loss_at
from optim.metrics.base import Metric, find_metric
from optim.metrics.choosing import choose_output, size_of_label
from optim.metrics.support.outputs import answer_of
from optim.metrics.support.rows import Rows
from optim.model import TensorSpec

Outputs = Mapping[str, Array]
Sides = tuple[Outputs, Outputs]
"""The model's outputs for a sample, and the original's."""


@dataclass
class Head:
    """Rows for the metric of both models, sample by sample."""

    metric: Metric
    output: TensorSpec
    labels: Array | None
    rows: list[Any] = field(default_factory=list)
    baseline_rows: list[Any] = field(default_factory=list)

    def add(self, plain: Sides, aligned: Sides) -> None:
        """Count one sample, as it was answered and with its rows matched."""
        sides = plain if self.metric.any_count else aligned
        ours, theirs = (self.metric.read(self.output.name, side) for side in sides)
        label = self._label(theirs)
        self.baseline_rows.append(self.metric.row(theirs, label))
        fits = self.metric.any_count or ours.shape == theirs.shape
        self.rows.append(self.metric.row(ours if fits else np.full(theirs.shape, np.nan), label))

    def _label(self, reference: Array) -> Array:
        if self.labels is not None:
            return np.asarray(self.labels[len(self.rows)])
        return np.asarray(answer_of(reference)) if self.metric.kind == "class" else reference

    def both_rows(self) -> tuple[Rows, Rows]:
        """The original's rows and the other's."""
        return np.array(self.baseline_rows, np.float64), np.array(self.rows, np.float64)

    def difference(self) -> Difference:
        """Between the models, on all samples counted so far."""
        return difference(self.metric, *self.both_rows())

    def lost_most(self, found: Difference) -> str:
        """A sentence where more than half of what the original scores above chance is gone."""
        chance = self.metric.chance
        lost = found.value - chance < (found.baseline - chance) / 2
        if not (self.metric.higher_is_better and found.high < 0 and lost):
            return ""
        if self.labels is None:  # there is no accuracy to lose
            return f"It answers as the original does on {self.metric.show(found.value)} only."
        return f"It lost more than half of the original's {self.metric.called}."

    def loss_at(self, level: float) -> Interval:
        """What is lost, at this level of confidence."""
        return loss_at(self.metric, *self.both_rows(), level)


def further_heads(
    evalset: EvalSet, specs: tuple[TensorSpec, ...], limit: int | None
) -> tuple[Head, ...]:
    """The outputs that have labels beside the one that leads."""
    found = []
    for place, judged in enumerate(evalset.others):
        labels = evalset.labels_of(place, "validation", limit)
        metric = find_metric(judged.metric)
        output = choose_output(metric, specs, size_of_label(labels), judged.output)
        found.append(Head(metric, output, labels))
    return tuple(found)
