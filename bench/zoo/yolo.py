"""A one-stage detector in the manner of YOLO (Redmon et al. 2016): garments on a large picture.

A scene is 128 x 128 with one to five garments of several sizes at random places, some over others.
For each of 8 x 8 cells the network says which garment's centre lies there, if any, and its box.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.zoo import data
from bench.zoo.base import SEED, Entry, write_evalset
from bench.zoo.training import Batch, export, fit
from optim.arrays import Array
from sample_models.common import Split

_SIDE, _CELLS, _NOTHING = 128, 8, 10
_CALIBRATION, _VALIDATION, _STEPS, _BATCH = 150, 500, 350, 16
_SIZES = (28, 42, 56)


class _Detector(nn.Module):
    """[n, 1, 128, 128] -> `cells` [n, 11, 8, 8] scores, `boxes` [n, 4, 8, 8] in cells."""

    def __init__(self) -> None:
        super().__init__()
        widths = (16, 32, 64, 128, 192)
        layers = [self._conv(1, widths[0])]
        for i, o in zip(widths, widths[1:], strict=False):
            layers += [self._conv(i, o, 2), self._conv(o, o)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Conv2d(widths[-1], _NOTHING + 1 + 4, 1)

    @staticmethod
    def _conv(i: int, o: int, stride: int = 1) -> nn.Module:
        convolution = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(o), nn.SiLU())

    def forward(self, scene: Tensor) -> tuple[Tensor, Tensor]:
        found = self.head(self.body(scene))
        where, size = found[:, -4:-2].sigmoid(), found[:, -2:].exp()
        return found[:, :-4], torch.cat([where, size], 1)


def _scenes(garments: Split, count: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Scenes [n, 1, 128, 128], classes of cells [n, 8, 8], boxes [n, 4, 8, 8] in cells."""
    scenes = np.zeros((count, 1, _SIDE, _SIDE), np.float32)
    cells = np.full((count, _CELLS, _CELLS), _NOTHING, np.int64)
    boxes = np.zeros((count, 4, _CELLS, _CELLS), np.float32)
    for i in range(count):
        scenes[i] = rng.normal(0.05, 0.03, scenes[i].shape)
        for row in rng.integers(0, len(garments), rng.integers(1, 6)):
            size = int(rng.choice(_SIZES))
            top, left = rng.integers(0, _SIDE - size + 1, 2)
            image = torch.from_numpy(garments.inputs["image"][row])[None]
            grown = functional.interpolate(image, size=(size, size), mode="bilinear")[0].numpy()
            patch = scenes[i, :, top : top + size, left : left + size]
            np.maximum(patch, grown, out=patch)
            x, y = ((edge + size / 2) / _SIDE * _CELLS for edge in (left, top))
            cells[i, int(y), int(x)] = garments.labels[row]
            boxes[i, :, int(y), int(x)] = x % 1, y % 1, *[size / _SIDE * _CELLS] * 2
    return scenes, cells, boxes


def _loss(found: tuple[Tensor, Tensor], wanted: tuple[Tensor, Tensor]) -> Tensor:
    (cells, boxes), (truth, places) = found, wanted
    weights = torch.ones(_NOTHING + 1)
    weights[_NOTHING] = 0.3
    there = (truth != _NOTHING)[:, None]
    off = ((boxes - places).abs() * there).sum() / there.sum().clamp(min=1)
    return functional.cross_entropy(cells, truth, weights) + 0.2 * off


def _make(cache: Path, folder: Path) -> None:
    garments, rng, net = data.garments(cache), np.random.default_rng(SEED), _Detector()

    def batch(step: int) -> Batch:
        scenes, cells, boxes = map(torch.from_numpy, _scenes(garments.train, _BATCH, rng))
        return (scenes,), (cells, boxes)

    fit(net, batch, _STEPS, _loss, 3e-3)
    splits = (garments.train, _CALIBRATION), (garments.test, _VALIDATION)
    parts = [_scenes(split, count, rng) for split, count in splits]
    scenes, cells = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    write_evalset(folder, {"scene": scenes}, _CALIBRATION, cells, "miou")
    export(net, {"scene": torch.from_numpy(scenes[:1])}, ["cells", "boxes"], folder)


ENTRY = Entry(
    "yolo",
    "YOLO-like detector at 1 x 128 x 128 trained on 5,600 scenes of garments; judged on 500 "
    "scenes by the mean IoU of the cells' classes.",
    _make,
)
