"""Image classifiers of the zoo: garments as 3 x 64 x 64 pictures, small for the sake of training.

Most steps see them at 32 x 32, the last ones at 64 x 64: networks that end in a mean over all
places learn cheaply so.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.zoo import data
from bench.zoo.base import SEED, write_evalset
from bench.zoo.training import Batch, export, fit
from optim.arrays import Array

SIZE, CLASSES = 64, 10
_CALIBRATION, _VALIDATION = 200, 1000


def classifier(net: nn.Module, steps: int, size: int, cache: Path, folder: Path) -> None:
    """Train `net`, which takes [n, 3, h, w], on garments in batches of `size`; write both files."""
    garments, rng = data.garments(cache), np.random.default_rng(SEED)
    images, labels = (torch.from_numpy(garments.train.inputs["image"]), garments.train.labels)

    def batch(step: int) -> Batch:
        rows = rng.integers(0, len(labels), size)
        small = SIZE // 2 if step < 0.8 * steps else SIZE
        return (enlarged(images[rows], small),), torch.from_numpy(labels[rows])

    fit(net, batch, steps, functional.cross_entropy)
    calibration = data.some(garments.train, _CALIBRATION, rng)
    validation = data.some(garments.test, _VALIDATION, rng)
    both = [enlarged(torch.from_numpy(s.inputs["image"]), SIZE) for s in (calibration, validation)]
    pictures: Array = torch.cat(both).numpy()
    truth = np.concatenate([calibration.labels, validation.labels])
    write_evalset(folder, {"image": pictures}, _CALIBRATION, truth, "top1")
    export(net, {"image": both[0][:1]}, ["logits"], folder)


def enlarged(images: Tensor, size: int) -> Tensor:
    """[n, 1, 28, 28] as [n, 3, size, size]."""
    grown = functional.interpolate(images, size=(size, size), mode="bilinear")
    return grown.expand(-1, 3, -1, -1).contiguous()
