"""A two-layer GRU (Cho et al. 2014) on New York's weather."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.zoo import data
from bench.zoo.base import SEED, Entry, write_evalset
from bench.zoo.training import Batch, export, fit
from sample_models.common import Split
from sample_models.weather.train import AHEAD, COLUMNS

_HIDDEN, _STEPS, _BATCH = 128, 500, 64
_CALIBRATION, _VALIDATION = 200, 1000


class _Gru(nn.Module):
    """[n, 72, 10] of hourly weather -> the next twelve temperatures [n, 12]."""

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", scale)
        self.gru = nn.GRU(len(COLUMNS), _HIDDEN, 2, batch_first=True)
        self.head = nn.Linear(_HIDDEN, AHEAD)

    def forward(self, history: Tensor) -> Tensor:
        states, _ = self.gru((history - self.mean) / self.scale)
        return history[:, -1, :1] + self.head(states[:, -1])


def _make(cache: Path, folder: Path) -> None:
    weather, rng = data.temperatures(cache), np.random.default_rng(SEED)
    past = torch.from_numpy(weather.train.inputs["history"])
    future = torch.from_numpy(weather.train.labels)
    net = _Gru(past.mean((0, 1)), past.std((0, 1)))

    def batch(step: int) -> Batch:
        rows = rng.integers(0, len(past), _BATCH)
        return (past[rows],), future[rows]

    fit(net, batch, _STEPS, functional.l1_loss, 2e-3)
    parts: list[Split] = [data.some(weather.train, _CALIBRATION, rng)]
    parts.append(data.some(weather.test, _VALIDATION, rng))
    history = np.concatenate([part.inputs["history"] for part in parts])
    truth = np.concatenate([part.labels for part in parts])
    write_evalset(folder, {"history": history}, _CALIBRATION, truth, "mae")
    export(net, {"history": past[:1]}, ["temperature"], folder)


ENTRY = Entry(
    "gru",
    "Two-layer GRU of 128 over 72 hours of weather; judged on 1,000 later stretches by the mean "
    "absolute error.",
    _make,
)
