"""Mean average precision of detectors at an overlap of 50 %."""

from typing import ClassVar

from optim.metrics.mean_average_precision import MeanAveragePrecision


class Map50(MeanAveragePrecision):
    """How well boxes are found, however loosely they sit."""

    name: ClassVar[str] = "map50"
    title: ClassVar[str] = "Mean AP at 50 %"
    summary: ClassVar[str] = (
        "As map, with one overlap: a box hits a true one of its class where both overlap (IoU) by "
        "half or more."
    )
    helps: ClassVar[str] = "Detectors that shall find and count things rather than outline them."
    hurts: ClassVar[str] = "Boxes may become far looser before it falls."
    thresholds = slice(0, 1)

    def preference(self, labels: object, outputs: object) -> int:
        """Only where it is named."""
        return 0
