"""Which inputs are padded, found in calibration samples, and how long their samples truly are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from optim.arrays import Array, Feeds
from optim.model.proto import real_inputs

if TYPE_CHECKING:
    import onnx

_FEWEST = 2  # samples that must be shorter than the longest
_FEWEST_NUMBERS = 4
_FEWEST_ENDS = 0.1  # share of samples that end in the same number, for it to be padding


@dataclass(frozen=True)
class Padded:
    """What is padded at its end: the inputs, their common length, and what tells true lengths.

    `by` is an input; where `pad` is None it is a mask of ones and zeros, else what follows the
    last number other than `pad` is padding.
    """

    inputs: tuple[str, ...]
    length: int
    by: str
    pad: int | None

    def true_length(self, sample: Feeds) -> int:
        """Places up to the last that is no padding, of the longest row; 1 at least."""
        return _length(np.asarray(sample[self.by]), self.pad or 0)

    def cut(self, sample: Feeds, length: int) -> Feeds:
        """The sample with its padded inputs cut to a length."""
        return {n: v[:, :length] if n in self.inputs else v for n, v in sample.items()}


def _length(values: Array, pad: int) -> int:
    real = np.flatnonzero((values != pad).reshape(-1, values.shape[-1]).any(axis=0))
    return int(real[-1]) + 1 if real.size else 1


def find_padding(model: "onnx.ModelProto", samples: Sequence[Feeds]) -> Padded | None:
    """What is padded; None where no sample is seen to be."""
    ids = {
        value.name: value.type.tensor_type.shape.dim[1].dim_value
        for value in real_inputs(model.graph)
        if len(value.type.tensor_type.shape.dim) == 2 and _numbers(samples, value.name)
    }
    for pads in (_mask, _repeated):
        for name, length in ids.items():
            pad = pads([np.asarray(sample[name]) for sample in samples])
            if pad is None or length < 2:
                continue
            inputs = tuple(other for other, size in ids.items() if size == length)
            return Padded(inputs, length, name, None if pads is _mask else pad)
    return None


def _numbers(samples: Sequence[Feeds], name: str) -> bool:
    """Whether an input holds whole numbers or ones and zeros."""
    first = np.asarray(samples[0][name]) if samples and name in samples[0] else np.empty(0)
    return first.dtype.kind in "iub" or (
        first.dtype.kind == "f" and first.size > 0 and bool(np.isin(first, (0, 1)).all())
    )


def _mask(values: Sequence[Array]) -> int | None:
    """0 where all rows are ones and then zeros, and some have zeros."""
    ordered = all(
        np.isin(row, (0, 1)).all() and (np.diff(row.astype(np.int8)) <= 0).all()
        for array in values
        for row in array
    )
    shorter = sum(not array.all() for array in values)
    return 0 if ordered and shorter >= _FEWEST else None


def _repeated(values: Sequence[Array]) -> int | None:
    """The number that many rows end in, at least twice over; None where there is none."""
    if any(array.dtype.kind not in "iu" or array.shape[-1] < 2 for array in values):
        return None
    if len(np.unique(np.concatenate([array.reshape(-1) for array in values]))) < _FEWEST_NUMBERS:
        return None  # a mask or the kind of a segment, not words
    ends = [int(row[-1]) for array in values for row in array if row[-1] == row[-2]]
    if len(ends) < max(_FEWEST, _FEWEST_ENDS * len(values)):
        return None
    pad = max(set(ends), key=ends.count)
    return pad if ends.count(pad) >= max(_FEWEST, 0.9 * len(ends)) else None
