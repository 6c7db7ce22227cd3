"""Bars of one colour beside pictures that were brought to one size: padding, not background."""

import numpy as np

from optim.arrays import Array

_MOST_CHANNELS = 4
_SHARP = 0.9
"""Of the first line behind a bar, what must not be of its colour: things on a plain ground, as
letters and clothes are drawn, begin with few pixels, and pictures with a whole line."""


def barred(shape: tuple[int, ...], rows: Array) -> tuple[Array, int]:
    """float[samples]: the share of each picture (or film) that lies in bars; and its pixels.

    Args:
        shape: of one sample, batch axis included: four axes or more, its channels first or last.
        rows: [samples, numbers of one].
    """
    pictures = rows.reshape(-1, *shape[1:])
    last = shape[1] > _MOST_CHANNELS >= shape[-1]
    pictures = pictures if last else np.moveaxis(pictures, 1, -1)
    shares = np.array([_share(one) for one in pictures]).reshape(len(rows), -1).mean(axis=1)
    return shares, int(np.prod(pictures.shape[1:-1]))


def _share(picture: Array) -> float:
    """Of one: [*sides, channels]."""
    axes = range(picture.ndim - 1)
    bars = [[_bar(turned) for turned in _both_ways(picture, axis)] for axis in axes]
    if any(sum(bars[axis]) >= picture.shape[axis] for axis in axes):
        return 0.0  # one colour throughout
    if all(map(all, bars)):
        return 0.0  # a margin all around is the picture's own: one that was padded fills some side
    inner = picture[tuple(slice(first, -last or None) for first, last in bars)]
    kept = 1.0
    for axis in axes:
        pairs = zip(bars[axis], _both_ways(picture, axis), _both_ways(inner, axis), strict=True)
        cut = sum(bar for bar, outer, left in pairs if bar and _is_sharp(outer, left))
        kept *= 1 - cut / picture.shape[axis]
    return 1 - kept


def _both_ways(picture: Array, axis: int) -> tuple[Array, Array]:
    """Its lines along an axis, from the start and from the end."""
    lines = np.moveaxis(picture, axis, 0)
    return lines, lines[::-1]


def _colour(lines: Array) -> Array:
    """Of the first line's first pixel."""
    return np.asarray(lines[0].reshape(-1, lines.shape[-1])[0])


def _bar(lines: Array) -> int:
    """How many lines from the start are of one colour, all of them."""
    same = (lines == _colour(lines)).all(axis=-1).reshape(len(lines), -1).all(axis=1)
    return int(same.cumprod().sum())


def _is_sharp(outer: Array, inner: Array) -> bool:
    """Whether the first line that is left is of other colours than the bar before it."""
    return bool((inner[0] != _colour(outer)).any(axis=-1).mean() >= _SHARP)
