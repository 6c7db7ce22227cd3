"""Pixel accuracy."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support.pixels import (
    are_masks,
    classes_of,
    counted,
    decides_pixels,
    suits,
)
from optim.metrics.support.rows import Rows, ratio
from optim.model import TensorSpec


class PixelAccuracy(Metric):
    """Share of pixels that get the label's class."""

    name: ClassVar[str] = "pixel_accuracy"
    title: ClassVar[str] = "Pixel accuracy"
    summary: ClassVar[str] = (
        "The share of pixels whose highest score is the mask's class, over all samples' pixels at "
        "once. Pixels marked 255 or below 0 do not count."
    )
    helps: ClassVar[str] = "Segmentation whose classes cover about as much of the pictures."
    hurts: ClassVar[str] = "A small object counts as little as its area: mean IoU weighs classes."
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "pixels"

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """How many of its pixels are right, and how many count."""
        answers, labels = self.places(output, label)
        return float(np.sum(answers == labels)), float(labels.size)

    def places(self, output: Array, label: Array) -> tuple[Array, Array]:
        """Of the pixels that count."""
        return counted(output, label)

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """Of all pixels at once; 0 where none counts."""
        right, count = (weights @ rows).T
        return ratio(right, count, np.array(0.0))

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Scores of classes for each pixel, or the classes themselves."""
        return classes_of(spec, label_size) > 0 or decides_pixels(spec, label_size)

    def pixel_classes(self, spec: TensorSpec, label_size: int | None) -> int:
        """As many as the output scores; 0, unknown, where it has decided."""
        return classes_of(spec, label_size)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """A mask of whole numbers for an output that has decided on its pixels."""
        if labels is None or not are_masks(labels):
            return 0
        size = labels[0].size
        fit = any(suits(spec, labels) or decides_pixels(spec, size) for spec in outputs)
        return 35 if fit else 0
