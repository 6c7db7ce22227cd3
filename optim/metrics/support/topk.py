"""Whether a label's class is among the highest scores."""

from collections.abc import Sequence

import numpy as np

from optim.arrays import Array
from optim.metrics.support.outputs import answer_of


def among_top(k: int, output: Array, label: Array) -> Sequence[float]:
    """One number: 1 where the label is among the `k` highest scores, else 0.

    Of equal scores the first classes count as higher, as ArgMax has it. A score that is not
    finite is among none. An output that is decided already is compared as it is.
    """
    if output.size == 1:
        return (float(answer_of(output) == int(label)),)
    scores = output.ravel().astype(np.float64)
    target = scores[int(label)]
    if not np.isfinite(target):
        return (0.0,)
    ahead = np.sum(scores > target) + np.sum(scores[: int(label)] == target)
    return (float(ahead < k),)
