"""What the samples' inputs look like: how far both splits lie apart, and how much is padding."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array
from optim.why.bars import barred

Sample = dict[str, Array]
_PICTURE, _MOST_CHANNELS = 4, 4
_FEWEST = 8  # samples, of which a deviation of deviations says something
_TABLE, _SEQUENCE = 2, 3
"""Axes of rows of a table: batch, features. Of sequences of vectors: batch, steps, numbers of a
step; or these two the other way."""
_FILLERS, _OFTEN = 3, 0.05
"""Numbers that are taken for fillers at most, and the share of samples that end with one."""
_LONG, _RARE = 32, 0.02
"""Of rows of numbers that may be recordings: places, and how many zeros may lie before."""
_EMPTY = 0.1
"""Of samples, from which on what fills them whole, as the ones of a mask do, is no filler."""


class InputSeen(BaseModel):
    """One input over calibration and over validation samples.

    `apart`: how far the splits' means lie apart, in standard deviations of a sample's mean over the
    calibration samples (Cohen's d). Of a table also each feature's and of pictures each channel's,
    by the deviation within both splits; where that is further, `feature` is its place and `part`
    what it is. `spread`: the same of how far a sample's numbers reach (the logarithm of their
    deviation), `times` how many times as far calibration samples do. `outside`: the share of
    validation numbers outside the calibration samples' range. `padded`: the share of a validation
    sample's `places` that is padding on average (of pictures, pixels in bars); `least_padded` that
    of the longest sample. `pictured`: whether they are pictures. `most`, `least`: extremes over
    validation.
    """

    model_config = ConfigDict(frozen=True)

    apart: float
    feature: int | None = None
    part: str = "number"
    spread: float = 0.0
    times: float = 1.0
    outside: float
    padded: float = 0.0
    least_padded: float = 0.0
    places: int = 0
    pictured: bool = False
    least: float
    most: float

    @property
    def needed(self) -> int:
        """Places of the longest sample."""
        return round(self.places * (1 - self.least_padded))


def inputs_seen(
    calibration: Sequence[Sample], validation: Sequence[Sample]
) -> dict[str, InputSeen]:
    """Every input of numbers; none where a split is empty."""
    if not calibration or not validation:
        return {}
    names = [name for name, value in validation[0].items() if value.dtype.kind in "fiub"]
    splits = {name: [_stack(split, name) for split in (calibration, validation)] for name in names}
    return {name: _input(validation[0][name].shape, *rows) for name, rows in splits.items()}


def _stack(feeds: Sequence[Sample], name: str) -> Array:
    return np.stack([np.ravel(sample[name]) for sample in feeds])


def _input(shape: tuple[int, ...], calibration: Array, validation: Array) -> InputSeen:
    ours, theirs = (rows.astype(np.float64) for rows in (calibration, validation))
    outside = (theirs < np.nanmin(ours)) | (theirs > np.nanmax(ours))
    share, places = padding(shape, validation)
    apart, feature = _apart(ours, theirs), None
    if calibration.dtype.kind == "f" and (parts := _parts(shape)):
        each = _each_apart(*(_of_each(rows, shape, parts) for rows in (ours, theirs)))
        if each.max() > apart:
            apart, feature = float(each.max()), int(each.argmax())
    spread, times = _spread(ours, theirs) if calibration.dtype.kind == "f" else (0.0, 1.0)
    return InputSeen(
        apart=apart,
        feature=feature,
        part="channel" if len(shape) == _PICTURE else "number",
        spread=spread,
        times=times,
        outside=float(outside.mean()),
        padded=float(share.mean()),
        least_padded=float(share.min()),
        places=places,
        pictured=len(shape) >= _PICTURE,
        least=float(np.nanmin(theirs)),
        most=float(np.nanmax(theirs)),
    )


def _apart(ours: Array, theirs: Array) -> float:
    """Of the means of all numbers, in standard deviations of a sample's mean."""
    spread = float(np.nanstd(np.nanmean(ours, axis=1))) if len(ours) > 1 else 0.0
    distance = abs(float(np.nanmean(theirs) - np.nanmean(ours)))
    return distance / spread if spread else (1e9 if distance else 0.0)


def _parts(shape: tuple[int, ...]) -> int | None:
    """The axis of a table's features or a picture's channels, each of a kind of its own."""
    if len(shape) == _TABLE and shape[0] == 1 and shape[1] > 1:
        return 1
    if len(shape) == _PICTURE:
        return next((axis for axis in (1, 3) if 1 < shape[axis] <= _MOST_CHANNELS), None)
    return None


def _of_each(rows: Array, shape: tuple[int, ...], axis: int) -> Array:
    """float[samples, parts]: each sample's means along an axis."""
    others = tuple(place + 1 for place in range(len(shape)) if place != axis)
    return np.asarray(np.nanmean(rows.reshape(-1, *shape), axis=others))


def _spread(ours: Array, theirs: Array) -> tuple[float, float]:
    """How far the logarithms of samples' deviations lie apart, in theirs, and how many times as
    far the first reach; (0, 1) for samples of one number, or of the same ones."""
    deviations = [np.nanstd(rows, axis=1) for rows in (ours, theirs)]
    logs = [np.log(one[one > 0]) for one in deviations]
    if min(map(len, logs)) < _FEWEST:
        return 0.0, 1.0
    distance = float(logs[0].mean() - logs[1].mean())
    within = float(np.sqrt((logs[0].var() + logs[1].var()) / 2))
    return abs(distance) / max(within, 1e-9), float(np.exp(distance))


def _each_apart(ours: Array, theirs: Array) -> Array:
    """float[features]: of each feature's means, in its standard deviation within both splits.

    0 for what is the same number in all samples of a split: a flag that is seldom set says nothing.
    """
    one, other = np.nanvar(ours, axis=0), np.nanvar(theirs, axis=0)
    distance = np.abs(np.nanmean(ours, axis=0) - np.nanmean(theirs, axis=0))
    known = (one > 0) & (other > 0)
    return np.where(known, distance / np.sqrt(np.where(known, (one + other) / 2, 1.0)), 0.0)


def padding(shape: tuple[int, ...], rows: Array) -> tuple[Array, int]:
    """Of each sample, the share of it that is padding, and how many places a sample has.

    Padding is one filler at the end or start. Of token ids and masks any number that ends (or
    begins) several samples may fill, unless it stands among the others, too, as in a table of
    categories, or samples hold nothing else; of sequences of vectors
    whole steps do, of zeros or of what ends most samples, whichever axis the steps lie along. In
    rows of numbers, recordings or features, zeros fill where there are next to none before them.
    Of pictures bars of one colour at the sides do, and their places are pixels.

    Args:
        shape: of one sample, its batch axis included.
        rows: [samples, numbers of one].
    """
    if len(shape) >= _PICTURE:
        return barred(shape, rows)
    sides: list[Array] = []
    if rows.dtype.kind == "f" and len(shape) == _SEQUENCE:
        steps = rows.reshape(-1, *shape[1:])
        sides = [one for lying in (steps, steps.swapaxes(1, 2)) for one in _filled(lying)]
    elif rows.dtype.kind == "f" and len(shape) == _TABLE and shape[1] >= _LONG:
        sides = [
            turned == 0
            for turned in _both_ways(rows.reshape(-1, shape[1]))
            if _only_at_the_end(turned[:, ::-1] == 0)
        ]
    elif rows.dtype.kind in "iub" and rows.shape[1] > 1:
        together = shape[0] if len(shape) > 1 else 1
        sides = [
            turned == filler
            for turned in _both_ways(rows.reshape(len(rows) * together, -1))
            for filler in _fillers(turned[:, 0])
            if _only_at_the_end(turned[:, ::-1] == filler)
        ]
    found = [
        (side.cumprod(axis=1).mean(axis=1), side.shape[1])
        for side in sides
        if side.all(axis=1).mean() < _EMPTY
    ]
    none = (np.zeros(len(rows)), 0)
    return max(found, key=lambda one: float(one[0].mean()), default=none)


def _both_ways(rows: Array) -> tuple[Array, Array]:
    """From the end and from the start."""
    return rows[:, ::-1], rows


def _only_at_the_end(zeros: Array) -> bool:
    """Whether next to no number before the trailing fillers is one: counts of words are mostly 0.

    Args:
        zeros: bool[rows, places], from the start: where the filler is, which mostly is 0.
    """
    ending = zeros[:, ::-1].cumprod(axis=1)[:, ::-1].astype(bool)
    before = ~ending
    return bool((zeros & before).sum() <= _RARE * before.sum())


def _filled(steps: Array) -> list[Array]:
    """bool[samples, steps]: which steps are filler, from the end and from the start.

    Args:
        steps: [samples, steps, numbers of one].
    """
    found = []
    for turned in _both_ways(steps):
        ends, times = np.unique(turned[:, 0], axis=0, return_counts=True)
        fillers = [np.zeros(steps.shape[2])]
        if times.max() > 1 and 2 * times.max() >= len(steps):
            fillers.append(ends[times.argmax()])
        found += [(turned == filler).all(axis=2) for filler in fillers]
    return found


def _fillers(ends: Array) -> Array:
    """The numbers that several samples end (or begin) with, the most frequent."""
    values, counts = np.unique(ends, return_counts=True)
    order = counts.argsort()[::-1][:_FILLERS]
    return np.asarray(values[order][counts[order] >= max(2, _OFTEN * len(ends))])
