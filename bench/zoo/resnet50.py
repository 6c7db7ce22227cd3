"""ResNet-50 (He et al. 2015) on garments."""

from pathlib import Path

from bench.nets import resnet50
from bench.zoo.base import Entry
from bench.zoo.pictures import CLASSES, classifier


def _make(cache: Path, folder: Path) -> None:
    classifier(resnet50(CLASSES), 220, 32, cache, folder)


ENTRY = Entry(
    "resnet50",
    "ResNet-50 at 3 x 64 x 64, trained on 7,000 garments; judged on 1,000 labelled ones.",
    _make,
)
