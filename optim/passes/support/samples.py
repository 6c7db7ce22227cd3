"""Calibration samples as batches to train on: stacked, mixed with each other, some held back.

The original answers whatever it is shown, so mixtures of samples are further samples: of floats
their weighted mean or a patch of another, of pictures also mirrored and shifted, of tokens a run
of another.
Zhang et al., "mixup", 2018; Yun et al., "CutMix", 2019; for a teacher Beyer et al., "Knowledge
distillation: A good teacher is patient and consistent", 2022.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from optim.arrays import Array, Feeds

Batch = dict[str, Array]
_PICTURE_RANK = 4
_SMALLEST_PICTURE = 8
_SHIFT = 14  # a picture is moved by at most this part of its side
_MIXED = 0.5  # share of batches that are mixed


def stacked(samples: Sequence[Feeds]) -> Batch:
    """Samples along the first axis."""
    return {name: np.concatenate([sample[name] for sample in samples]) for name in samples[0]}


def held_back(samples: Sequence[Feeds], share: float, most: int) -> tuple[list[Feeds], list[Feeds]]:
    """Those to train on and those only looked at, in the seeded order that they come in."""
    count = min(most, max(1, round(share * len(samples)))) if len(samples) > 1 else 0
    return [*samples[count:]], [*samples[:count]] or [*samples]


def mixed(batch: Batch, random: np.random.Generator) -> Batch:
    """The batch varied and, half of the time, each of its samples mixed with another."""
    batch = {name: _varied(value, random) for name, value in batch.items()}
    if random.random() > _MIXED:
        return batch
    order = random.permutation(len(next(iter(batch.values()))))
    how, weight = random.random(), random.beta(1.0, 1.0)
    return {name: _mixed(value, order, weight, how, random) for name, value in batch.items()}


def _mixed(value: Array, order: Any, weight: float, how: float, random: Any) -> Array:
    other = value[order]
    if value.dtype.kind != "f":
        return _run_of(value, other, weight, how)
    if _is_picture(value) and how > _MIXED:
        return _patched(value, other, weight, random)
    mean: Array = (weight * value + (1 - weight) * other).astype(value.dtype)
    return mean


def _run_of(value: Array, other: Array, weight: float, how: float) -> Array:
    """A run of places from the other sample; the same run in inputs of the same length."""
    if value.ndim < 2:
        return value
    length = value.shape[1]
    size = round((1 - weight) * length)
    start = round(how * (length - size))
    made = value.copy()
    made[:, start : start + size] = other[:, start : start + size]
    return made


def _patched(value: Array, other: Array, weight: float, random: Any) -> Array:
    height, width = value.shape[2:]
    h, w = (round(side * (1 - weight) ** 0.5) for side in (height, width))
    top, left = random.integers(height - h + 1), random.integers(width - w + 1)
    made = value.copy()
    made[..., top : top + h, left : left + w] = other[..., top : top + h, left : left + w]
    return made


def _varied(value: Array, random: Any) -> Array:
    """Pictures mirrored half of the time and moved by some pixels, sample by sample."""
    if not _is_picture(value):
        return value
    made = []
    for picture in value:
        picture = picture[..., ::-1] if random.random() < 0.5 else picture
        moves = [
            int(random.integers(-(side // _SHIFT), side // _SHIFT + 1))
            for side in picture.shape[1:]
        ]
        made.append(_moved(picture, *moves))
    return np.stack(made)


def _moved(picture: Array, down: int, right: int) -> Array:
    """Moved, its edges repeated."""
    height, width = picture.shape[1:]
    rows = np.clip(np.arange(height) - down, 0, height - 1)
    columns = np.clip(np.arange(width) - right, 0, width - 1)
    return picture[:, rows][:, :, columns]


def _is_picture(value: Array) -> bool:
    return (
        value.ndim == _PICTURE_RANK
        and value.dtype.kind == "f"
        and min(value.shape[2:]) >= _SMALLEST_PICTURE
    )
