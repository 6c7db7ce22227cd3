"""What a training may learn from labels beside its teacher: an error of the one output.

Classes by cross-entropy, numbers by their squared error in units of the labels' variance. Outputs
that are probabilities already are taken as such.
"""

from typing import Any

import numpy as np

from optim.arrays import Array

_LEAST = 1e-6  # of a probability, whose logarithm is taken
_NEAR = 1e-3  # how far probabilities may sum up to another number than 1


class LabelLoss:
    """The error of an output against the labels of its samples; a tensor of one number.

    Args:
        labels: classes [n] as int64, or numbers [n, ...].
        answers: the teacher's output for some samples, [m, ...].
    """

    def __init__(self, labels: Array, answers: Any) -> None:
        rows = answers.detach().float().reshape(len(answers), -1)
        whole = labels.reshape(len(labels), -1)
        self._sure = bool(((rows >= 0) & (rows <= 1)).all())
        self._sums = bool(((rows.sum(1) - 1).abs() < _NEAR).all())
        self.how = _how(whole, rows.shape[1])
        self._variance = float(whole.var()) + _LEAST

    def __call__(self, found: Any, labels: Array) -> Any:
        import torch
        from torch.nn import functional

        rows = found.float().reshape(len(labels), -1)
        wanted = torch.from_numpy(np.ascontiguousarray(labels)).to(rows.device)
        wanted = wanted.reshape(len(labels), -1)
        if self.how == "numbers":
            return (rows - wanted.float()).square().mean() / self._variance
        if self.how == "two classes":
            if self._sure:
                return functional.binary_cross_entropy(rows.clamp(0, 1), wanted.float())
            return functional.binary_cross_entropy_with_logits(rows, wanted.float())
        logs = rows.clamp_min(_LEAST).log() if self._sure and self._sums else rows.log_softmax(1)
        return functional.nll_loss(logs, wanted[:, 0].long())


def _how(labels: Array, width: int) -> str:
    """`classes`, `two classes`, `numbers`; empty where labels and output do not go together."""
    if labels.dtype.kind in "iu" and labels.shape[1] == 1 and labels.min() >= 0:
        if width > max(1, int(labels.max())):
            return "classes"
        return "two classes" if width == 1 and labels.max() <= 1 else ""
    if labels.dtype.kind == "f" and labels.shape[1] == width and np.isfinite(labels).all():
        return "numbers"
    return ""
