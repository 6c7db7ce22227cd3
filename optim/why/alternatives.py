"""How the original scores where its inputs are prepared otherwise: another scale, layout or order.

A low score often comes from inputs in 0 to 255 where the model was trained on 0 to 1, or from
blue-green-red pictures. So the usual slips are undone one at a time, and the score is taken.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array
from optim.why.scoring import Scoring

_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, in RGB
_SEQUENCE, _PICTURE = 3, 4  # axes
_MOST_SECONDS = 40.0
_WHOLE = {32768.0: "whole numbers of 16 bits", 1000.0: "thousandths", 100.0: "percent"}
"""Scales of what is measured -> the units that they come from."""
Change = Callable[[Array], Array]


class Alternative(BaseModel):
    """The original's score with one input prepared otherwise, on `n` samples."""

    model_config = ConfigDict(frozen=True)

    what: str
    input: str
    value: float
    as_given: float
    n: int
    chance: float = 0.0
    """How far scores lie apart by chance alone: a standard deviation."""


def alternatives(scoring: Scoring) -> tuple[Alternative, ...]:
    """Scores of the usual preparations, the best first; as many as there is time for."""
    feeds, as_given = scoring.feeds, scoring.as_given
    floats = [name for name, value in feeds[0].items() if value.dtype.kind == "f"]
    tries = [
        (name, what, change)
        for name in floats
        for what, change in _changes([sample[name] for sample in feeds]).items()
    ]
    found, begun = [], time.monotonic()
    for name, what, change in tries:
        if time.monotonic() - begun > _MOST_SECONDS:
            break
        changed = [{**sample, name: change(sample[name])} for sample in feeds]
        score = scoring.of(changed)
        found.append(
            Alternative(
                what=what,
                input=name,
                value=score,
                as_given=as_given,
                n=len(feeds),
                chance=scoring.chance,
            )
        )
    sign = -1 if scoring.metric.higher_is_better else 1
    return tuple(sorted(found, key=lambda one: sign * one.value))


def _changes(values: Sequence[Array]) -> dict[str, Change]:
    """The slips that inputs like these, of one shape, may be made with, undone."""
    value = values[0]
    largest = max(float(np.nanmax(np.abs(one))) for one in values)
    bytes_like = largest > 8
    found: dict[str, Change] = {
        "divided by 255 (0 to 1)": lambda x: _same(x, x / 255),
        "scaled to -1 to 1": lambda x: _same(x, (x / 127.5 if bytes_like else x * 2) - 1),
        "multiplied by 255 (0 to 255)": lambda x: _same(x, x * 255),
        "taken as 0 to 1 rather than -1 to 1": lambda x: _same(x, (x + 1) / 2),
    }
    for most, what in _WHOLE.items():
        if largest > most / 10 and len(value.shape) < _PICTURE:
            found[f"divided by {most:,.0f} ({what})"] = partial(_divided, by=most)
    if bytes_like:
        del found["multiplied by 255 (0 to 255)"], found["taken as 0 to 1 rather than -1 to 1"]
    else:
        del found["divided by 255 (0 to 1)"]
    if _is_table(value.shape):
        found["standardized number by number (mean 0, deviation 1)"] = _standardized(values)
        found["with the numbers of a row in the other order"] = partial(_flipped, axes=1)
    if len(value.shape) >= _SEQUENCE:
        found["standardized (mean 0, deviation 1)"] = _standardized(values, _parts(value.shape))
    if len(value.shape) == _SEQUENCE:
        found |= _turned_sequences(value.shape)
    axis = _channels(value.shape)
    if axis is not None:
        unit = 255.0 if bytes_like else 1.0
        found["with the channels in the other order (RGB, BGR)"] = lambda x: np.flip(x, axis).copy()
        found["normalized by ImageNet's mean and deviation"] = lambda x: _same(
            x, (x / unit - _along(_MEAN, x, axis)) / _along(_SPREAD, x, axis)
        )
    if len(value.shape) == _PICTURE:
        if value.shape[2] == value.shape[3]:
            found["with height and width exchanged"] = lambda x: x.swapaxes(2, 3).copy()
        found["read as height, width, channels (NHWC)"] = _from_nhwc
        found["read as channels, height, width (NCHW)"] = _from_nchw
        found |= _turned_pictures(value.shape)
    found["inverted (light on dark)"] = lambda x: _same(x, (255 if bytes_like else 1) - x)
    return found


def _is_table(shape: tuple[int, ...]) -> bool:
    """Whether a sample is a row of features, each with a scale of its own."""
    return len(shape) == 2 and shape[0] == 1 and shape[1] > 1


def _standardized(values: Sequence[Array], over: tuple[int, ...] = ()) -> Change:
    """By the samples' own mean and deviation; of all numbers along axes of a sample together."""
    every = np.stack(values).astype(np.float64)
    axes = (0, *(axis + 1 for axis in over))
    mean, spread = (of(every, axis=axes, keepdims=True)[0] for of in (np.nanmean, np.nanstd))
    return lambda x: _same(x, (x - mean) / np.where(spread > 0, spread, 1.0))


def _parts(shape: tuple[int, ...]) -> tuple[int, ...]:
    """All axes but that of a picture's channels."""
    tall, wide = _sides(shape) if len(shape) == _PICTURE else (len(shape) - 2, len(shape) - 1)
    return (0, tall, wide)


def _sides(shape: tuple[int, ...]) -> tuple[int, int]:
    """The axes of height and width: the channels are the fewest, the first or the last."""
    return (1, 2) if shape[3] < min(shape[1], shape[2]) else (2, 3)


def _turned_sequences(shape: tuple[int, ...]) -> dict[str, Change]:
    found: dict[str, Change] = {}
    for axis in (axis for axis in (1, 2) if shape[axis] > 1):
        found[f"from the last to the first along axis {axis}"] = partial(_flipped, axes=axis)
    if min(shape[1:]) > 1:
        found["with the last two axes exchanged"] = _exchanged
    return found


def _turned_pictures(shape: tuple[int, ...]) -> dict[str, Change]:
    sides = _sides(shape)
    found: dict[str, Change] = {
        "upside down": partial(_flipped, axes=sides[0]),
        "mirrored": partial(_flipped, axes=sides[1]),
        "turned by 180 degrees": partial(_flipped, axes=sides),
    }
    if shape[sides[0]] == shape[sides[1]]:
        found["turned left"] = lambda x: np.rot90(x, 1, sides).copy()
        found["turned right"] = lambda x: np.rot90(x, -1, sides).copy()
    return found


def _flipped(x: Array, axes: int | tuple[int, ...]) -> Array:
    return np.flip(x, axes).copy()


def _exchanged(x: Array) -> Array:
    """Numbers that lie with both axes exchanged in an array, put in their places."""
    first, *_, last = x.shape[1:]
    return np.ascontiguousarray(x.reshape(-1, last, first).swapaxes(1, 2))


def _divided(x: Array, by: float) -> Array:
    return _same(x, x / by)


def _same(x: Array, changed: Array) -> Array:
    return np.asarray(changed, x.dtype)


def _channels(shape: tuple[int, ...]) -> int | None:
    """The axis of three channels of a picture, if there is one."""
    if len(shape) != _PICTURE:
        return None
    return next((axis for axis in (1, 3) if shape[axis] == len(_MEAN)), None)


def _along(values: tuple[float, ...], like: Array, axis: int) -> Array:
    shape = [1] * like.ndim
    shape[axis] = len(values)
    return np.array(values).reshape(shape)


def _from_nhwc(x: Array) -> Array:
    """Numbers that lie as NHWC in an array declared NCHW, put in their places."""
    n, c, h, w = x.shape
    return np.ascontiguousarray(x.reshape(n, h, w, c).transpose(0, 3, 1, 2))


def _from_nchw(x: Array) -> Array:
    n, h, w, c = x.shape
    return np.ascontiguousarray(x.reshape(n, c, h, w).transpose(0, 2, 3, 1))
