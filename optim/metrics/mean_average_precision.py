"""Mean average precision of detectors, over overlaps from 50 to 95 %."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from optim.arrays import Array
from optim.metrics.base import Kind, Metric
from optim.metrics.support import boxes, layouts, precision
from optim.metrics.support.rows import Rows
from optim.model import TensorSpec


class MeanAveragePrecision(Metric):
    """How well boxes are found, by COCO's rules."""

    name: ClassVar[str] = "map"
    title: ClassVar[str] = "Mean AP"
    summary: ClassVar[str] = (
        "Boxes hit a true one of their class where both overlap (IoU) by 50 %, 55 % ... 95 %; the "
        "precision at 101 recalls, on average over these overlaps and the classes that occur, by "
        "COCO's rules."
    )
    helps: ClassVar[str] = "Detectors with their boxes, scores and classes as outputs."
    hurts: ClassVar[str] = (
        "It asks for tight boxes: where finding is enough, map50 says more. With few true boxes "
        "of a class it jumps."
    )
    unit: ClassVar[str] = "%"
    kind: ClassVar[Kind] = "boxes"
    any_count: ClassVar[bool] = True
    thresholds: ClassVar[slice] = slice(None)

    layout: layouts.Layout = Field(
        default="boxes",
        description="How the model answers. boxes: found boxes with a score and a class each. "
        "Heads without their last step: scored (corners [N, 4] beside scores [N, classes]), yolo8 "
        "([4 + classes, N], centres and sizes), yolo5 ([N, 5 + classes], the fifth for any thing), "
        "detr (centres and sizes beside logits, the last class for nothing), deformable_detr (the "
        "same with a sigmoid for each class).",
    )
    overlap: float = Field(
        default=0.7,
        ge=0.05,
        le=1,
        description="For scored, yolo8 and yolo5: of two boxes of a class that overlap (IoU) by "
        "more, the lower scored goes; 1 keeps all.",
    )

    def suited(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
        """With the layout that the outputs seem to have."""
        return self.model_copy(update={"layout": layouts.suited(outputs)})

    def read(self, name: str, outputs: Mapping[str, Array]) -> Array:
        """The boxes with their scores and classes [N, 6], from the outputs that hold them."""
        return layouts.table(self.layout, name, outputs, self.overlap)

    def row(self, output: Array, label: Array) -> Sequence[float]:
        """Every found box with what it hits, and the classes of the true ones."""
        return precision.row(output, label)

    def aggregate(self, rows: Rows, weights: Rows) -> Rows:
        """The mean average precision of each weighting."""
        return precision.mean_precision(rows, weights, self.thresholds)

    def candidates(self, outputs: Sequence[TensorSpec]) -> Sequence[TensorSpec]:
        """Outputs of boxes whose scores are among the others."""
        return layouts.heads(self.layout, outputs)

    def fits(self, spec: TensorSpec, label_size: int | None) -> bool:
        """Boxes of two corners, or a table with score and class beside them."""
        rows = label_size is None or label_size % 5 == 0 or label_size % 6 == 0
        return rows and layouts.holds(self.layout, spec)

    def checked(self, labels: Array) -> Array:
        """True boxes [samples, most, 6]."""
        return boxes.checked(labels)

    def preference(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> int:
        """Rows of five or six numbers for each sample, and an output of boxes."""
        rows = labels is not None and labels.ndim == 3 and labels.shape[2] in (5, 6)
        return 60 if rows and layouts.heads(layouts.suited(outputs), outputs) else 0
