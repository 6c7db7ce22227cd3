"""How far outputs moved, as the noise in them: 0 for none, about 1 where nothing is left.

A metric needs labels and many samples until a loss of a point shows; noise shows on a few. Boxes of
hundreds of pixels would hide scores of 0 to 1 in the same tensor, so each place along an axis is
measured by its own variance.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from optim.arrays import Array

_MOST_PLACES = 4096
_LITTLE = 1e-6  # of an output's whole variance: what moves less is taken to be constant


def noise(reference: Sequence[Array], others: Sequence[Array]) -> float:
    """Noise of one output over samples: the worst axis' mean of error over variance, at most 1.

    Args:
        reference: the output for each sample, in float.
        others: the same with something quantized, for the first of the samples; of the same
            shapes, or all is lost.
    """
    same = reference[: len(others)]
    if any(a.shape != b.shape for a, b in zip(same, others, strict=True)):
        return 1.0
    a, b = _joined(same), _joined(others)
    if a.dtype.kind != "f":
        return float(np.mean(a != b)) if a.size else 0.0
    if len({sample.shape[1:] for sample in reference}) > 1:
        reference = same
    whole = np.nan_to_num(_joined(reference).astype(np.float64), posinf=0.0, neginf=0.0)
    usable = np.isfinite(a)
    error = np.where(usable, a.astype(np.float64) - b, 0.0) ** 2
    error = np.where(np.isfinite(error), error, np.inf)
    axes = [axis for axis in range(1, a.ndim) if 1 < a.shape[axis] <= _MOST_PLACES]
    return max(_along(whole, error, axis) for axis in (None, *axes))


def _joined(samples: Sequence[Array]) -> Array:
    return np.concatenate([np.atleast_1d(sample) for sample in samples])


def _along(values: Array, error: Array, axis: int | None) -> float:
    others = tuple(i for i in range(values.ndim) if i != axis)
    variance, noise = (np.atleast_1d(x) for x in (np.var(values, others), np.mean(error, others)))
    moves = variance > _LITTLE * np.var(values)
    if not np.any(moves):
        return float(np.any(error > 0))
    return float(np.mean(np.minimum(noise[moves] / variance[moves], 1.0)))


def noise_of(
    reference: Mapping[str, Sequence[Array]], others: Mapping[str, Sequence[Array]]
) -> dict[str, float]:
    """The noise of each output by its name."""
    return {name: noise(reference[name], others[name]) for name in reference}
