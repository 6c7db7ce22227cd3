"""Areas of a picture, as polygons or as COCO's runs, drawn into a mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from optim.arrays import Array

_AT_ONCE = 1000  # edges


@dataclass(frozen=True)
class Area:
    """Where something of a class is.

    `polygons` are corners [N, 2], x and y in pixels, or with `shares` in shares of the picture.
    `runs` are lengths, in turn outside and inside, down the columns of a picture of `size`
    (width, height).
    """

    name: str | int
    polygons: tuple[Array, ...] = ()
    runs: tuple[int, ...] = ()
    size: tuple[int, int] = (0, 0)
    shares: bool = False

    def inside(self, size: tuple[int, int]) -> Array:
        """Which pixels of a picture of this width and height it covers, bool[height, width].

        Raises ValueError where its runs are not of such a picture.
        """
        if self.runs:
            return _of_runs(self.runs, self.size, size)
        drawn = np.zeros(size[::-1], bool)
        for corners in self.polygons:
            drawn |= inside(corners * size if self.shares else corners, size)
        return drawn

    def around(self) -> tuple[float, ...]:
        """The corners of the box around its first polygon."""
        corners = self.polygons[0]
        return (*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist())


def inside(corners: Array, size: tuple[int, int]) -> Array:
    """The pixels whose middle lies within a polygon, by the even-odd rule, bool[height, width]."""
    width, height = size
    turns = np.zeros((height, width + 1), np.uint8)
    ends = np.roll(corners, -1, axis=0)
    middles = np.arange(height)[:, None] + 0.5
    for start in range(0, len(corners), _AT_ONCE):
        (x, y), (to_x, to_y) = corners[start:][:_AT_ONCE].T, ends[start:][:_AT_ONCE].T
        rows, edges = np.nonzero((y <= middles) != (to_y <= middles))
        share = (middles[rows, 0] - y[edges]) / (to_y - y)[edges]
        at = x[edges] + share * (to_x - x)[edges]
        columns = np.clip(np.ceil(at - 0.5), 0, width).astype(np.int64)
        np.add.at(turns, (rows, columns), 1)
    drawn: Array = np.cumsum(turns, axis=1, dtype=np.uint8)[:, :width] % 2 == 1
    return drawn


def _of_runs(runs: Sequence[int], size: tuple[int, int], wanted: tuple[int, int]) -> Array:
    if size != wanted or min(runs) < 0 or sum(runs) != size[0] * size[1]:
        raise ValueError("runs of another size")
    flat = np.zeros(size[0] * size[1], bool)
    ends = [*accumulate(runs)]
    for start, end in zip(ends[::2], ends[1::2], strict=False):
        flat[start:end] = True
    return flat.reshape(size).T


def runs_in(text: str) -> tuple[int, ...]:
    """The runs that COCO's text packs: 5 bits a sign, each run from the third on as what it is
    longer than the one two before. Raises ValueError."""
    runs: list[int] = []
    value = shift = 0
    for sign in text:
        bits = ord(sign) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError("no such text")
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (1 << shift) if bits & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return tuple(runs)
