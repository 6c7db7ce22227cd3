"""Whether the rows of a batch are answered as each is alone: dynamic ranges would mix senders."""

from collections.abc import Iterable

import numpy as np

from optim.arrays import Feeds
from optim.errors import InputError
from optim.serving.batching import Run
from optim.serving.tensors import Array

_SAME = 1e-3
"""Of an output's range: what rounding in another order may make of it."""


def check_rows(sizes: Iterable[int], run: Run, example: Feeds) -> None:
    """Raise InputError unless each row of a batch of these sizes is answered as it is alone.

    Args:
        example: one sample, from which others are made.
    """
    rng = np.random.default_rng(0)
    for size in sorted(size for size in sizes if size > 1):
        single = [_varied(example, rng) for _ in range(size)]
        alone = [run(feeds) for feeds in single]
        together = run({name: np.concatenate([one[name] for one in single]) for name in example})
        for name, value in together.items():
            apart = _apart(np.concatenate([one[name] for one in alone]), value)
            if apart > _SAME:
                raise InputError(
                    f"In a batch of {size} the output {name!r} differs by {apart:.2g} of its "
                    "range from what the same row alone gives.",
                    "Serve it without batches, or export a recipe whose ranges are fixed "
                    "(static_int8 in place of dynamic_int8).",
                    "host",
                )


def _apart(alone: Array, together: Array) -> float:
    if alone.shape != together.shape:
        return float("inf")
    spread = float(np.ptp(alone.astype(np.float64))) or 1.0
    return float(np.abs(alone.astype(np.float64) - together.astype(np.float64)).max()) / spread


def _varied(example: Feeds, rng: np.random.Generator) -> Feeds:
    """Another sample: numbers shaken, whole numbers as they are (they may be indices)."""
    return {
        name: value * rng.uniform(0.5, 1.5, value.shape).astype(value.dtype)
        if value.dtype.kind == "f"
        else value
        for name, value in example.items()
    }
