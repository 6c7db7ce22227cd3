"""ResNet-18 (He et al. 2015) on garments."""

from pathlib import Path

from bench.nets import resnet18
from bench.zoo.base import Entry
from bench.zoo.pictures import CLASSES, classifier


def _make(cache: Path, folder: Path) -> None:
    classifier(resnet18(CLASSES), 300, 32, cache, folder)


ENTRY = Entry(
    "resnet18",
    "ResNet-18 at 3 x 64 x 64, trained on 10,000 garments; judged on 1,000 labelled ones.",
    _make,
)
