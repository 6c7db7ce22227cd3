"""A multilayer perceptron of two million weights on garments' pixels."""

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from bench.zoo import data
from bench.zoo.base import SEED, Entry, write_evalset
from bench.zoo.training import Batch, export, fit

_CALIBRATION, _VALIDATION, _STEPS, _BATCH = 200, 2000, 900, 128


def _make(cache: Path, folder: Path) -> None:
    garments, rng = data.garments(cache), np.random.default_rng(SEED)
    pixels = torch.from_numpy(garments.train.inputs["image"]).flatten(1)
    labels = torch.from_numpy(garments.train.labels)
    net = nn.Sequential(
        *(nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU()),
        *(nn.Linear(1024, 256), nn.ReLU(), nn.Linear(256, 10)),
    )

    def batch(step: int) -> Batch:
        rows = rng.integers(0, len(labels), _BATCH)
        return (pixels[rows],), labels[rows]

    fit(net, batch, _STEPS, functional.cross_entropy)
    parts = [data.some(garments.train, _CALIBRATION, rng)]
    parts.append(data.some(garments.test, _VALIDATION, rng))
    rows = np.concatenate([part.inputs["image"].reshape(len(part), -1) for part in parts])
    truth = np.concatenate([part.labels for part in parts])
    write_evalset(folder, {"pixels": rows}, _CALIBRATION, truth, "top1")
    export(net, {"pixels": pixels[:1]}, ["logits"], folder)


ENTRY = Entry(
    "mlp",
    "MLP 784-1024-1024-256-10 trained on garments' pixels; judged on 2,000 labelled ones.",
    _make,
)
