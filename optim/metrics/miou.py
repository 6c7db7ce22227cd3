"""Mean intersection over union."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.pixels import (
    VOID,
    are_masks,
    classes_of,
    counted,
    decides_pixels,
    scored,
    suits,
)
from optim.metrics.support.rows import Rows, ratio
from optim.model import TensorSpec


class Miou(Metric):
    """How well the areas of the classes match, on average."""

    name: ClassVar[str] = "miou"
    also: ClassVar[tuple[str, ...]] = ("iou", "mean_iou", "jaccard")
    title: ClassVar[str] = "Mean IoU"
    summary: ClassVar[str] = (
        "For each class the pixels that answer and mask share, divided by those that either has, "
        "over all samples at once; then the mean over the classes that occur. Pixels marked 255 "
        "or below 0 do not count."
    )
    helps: ClassVar[str] = "Segmentation: rare classes count as much as the background."
    hurts: ClassVar[str] = "A class of few pixels moves it as much as one that fills the pictures."
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "pixels"

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """For each class how many pixels both have, and how many either has."""
        answers, labels = self.places(output, label)
        classes = scored(output, label) or VOID
        both = np.bincount(labels[answers == labels], minlength=classes)[:classes]
        either = np.bincount(labels, minlength=classes)[:classes] - both
        either += np.bincount(answers[answers >= 0], minlength=classes)[:classes]
        return [*both.astype(float).tolist(), *either.astype(float).tolist()]

    def places(self, output: Array, label: Array) -> tuple[Array, Array]:
        """Of the pixels that count."""
        return counted(output, label)

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """The mean over the classes that occur in answers or masks; 0 where none does."""
        both, either = np.split(weights @ rows, 2, axis=1)
        shares = ratio(both, either, np.zeros_like(both))
        return ratio(shares.sum(axis=1), (either > 0).sum(axis=1), np.array(0.0))

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Scores of classes for each pixel, or the classes themselves."""
        return classes_of(spec, label_size) > 0 or decides_pixels(spec, label_size)

    def pixel_classes(self, spec: TensorSpec, label_size: int | None) -> int:
        """As many as the output scores; 0, unknown, where it has decided."""
        return classes_of(spec, label_size)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """A mask of whole numbers for each sample, and an output that scores its pixels."""
        if labels is None or not are_masks(labels):
            return 0
        return 40 if any(suits(spec, labels) for spec in outputs) else 0
