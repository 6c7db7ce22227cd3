"""Spam filters of the zoo: BERT-like encoders of several sizes on SpamAssassin's mails.

They learn from short windows of the mails, each at its own position, and are judged on the first
128 words: a quarter of the time a step.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.zoo import data
from bench.zoo.base import SEED, write_evalset
from bench.zoo.bert import Encoder, mean_of_words
from bench.zoo.training import Batch, export, fit
from sample_models.common import Split
from sample_models.spam.train import VOCABULARY

LENGTH, WINDOW = 128, 32
_CALIBRATION, _BATCH = 200, 32


class Filter(nn.Module):
    """Ids and mask [n, length] -> logits [n, 2] (ham, spam)."""

    def __init__(self, width: int, layers: int, heads: int) -> None:
        super().__init__()
        self.encoder = Encoder(VOCABULARY, width, layers, heads, LENGTH)
        self.head = nn.Linear(width, 2)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        hidden = self.encoder(input_ids, attention_mask)
        return self.head(mean_of_words(hidden, attention_mask))


def spam_filter(net: Filter, steps: int, rate: float, cache: Path, folder: Path) -> None:
    """Train it on the mails for training; judge it on those for testing, all of them."""
    mails, rng = data.mails(cache), np.random.default_rng(SEED)
    ids, labels = torch.from_numpy(mails.train.inputs["input_ids"]), mails.train.labels

    def batch(step: int) -> Batch:
        rows = rng.integers(0, len(labels), _BATCH)
        first = int(rng.choice([0, 0, *range(0, LENGTH - WINDOW + 1, 16)]))
        part = ids[rows, first : first + WINDOW]
        net.encoder.first = first
        return (part, (part != 0).long()), torch.from_numpy(labels[rows])

    fit(net, batch, steps, functional.cross_entropy, rate)
    net.encoder.first = 0
    parts = data.some(mails.train, _CALIBRATION, rng), mails.test
    inputs = {name: _joined(parts, name) for name in ("input_ids", "attention_mask")}
    truth = np.concatenate([part.labels for part in parts])
    write_evalset(folder, inputs, _CALIBRATION, truth, "top1")
    export(net, {n: torch.from_numpy(a[:1]) for n, a in inputs.items()}, ["logits"], folder)


def _joined(parts: tuple[Split, Split], name: str) -> np.ndarray:
    return np.concatenate([part.inputs[name][:, :LENGTH] for part in parts])
