"""Scores of a model's answers, higher is better, as peers may know them while they choose.

They are this program's metrics in NumPy alone, since the peers' environments have nothing of it; a
test holds them against those.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def score(metric: str, answers: Array, originals: Array, labels: Array | None) -> float:
    """The score of `answers` [samples, ...]; raises ValueError for a metric that is not here.

    Without labels the original's answers are the reference. Errors are relative to the original's,
    and negative.
    """
    if metric == "cosine":
        return _cosine(answers, originals)
    if metric == "top1":
        return _top1(answers, _classes(originals) if labels is None else labels)
    if labels is None or metric not in ("mae", "rmse", "auc", "miou"):
        raise ValueError(f"peers know no score for {metric}")
    if metric == "auc":
        return _auc(answers, labels)
    if metric == "miou":
        return _miou(answers, labels)
    return -_error(metric, answers, labels) / _error(metric, originals, labels)


def _classes(answers: Array) -> Array:
    return np.asarray(answers.reshape(len(answers), -1).argmax(1))


def _top1(answers: Array, labels: Array) -> float:
    return float((_classes(answers) == labels).mean())


def _error(metric: str, answers: Array, labels: Array) -> float:
    off = answers.reshape(len(answers), -1) - labels.reshape(len(labels), -1)
    return float(np.sqrt((off**2).mean()) if metric == "rmse" else np.abs(off).mean())


def _auc(answers: Array, labels: Array) -> float:
    """How often one of class 1 is ranked above one of class 0, ties counted half."""
    flat = answers.reshape(len(answers), -1).astype(np.float64)
    one = flat[:, -1] - (flat[:, 0] if flat.shape[1] > 1 else 0)
    above, low = one[labels == 1], np.sort(one[labels == 0])
    ranks = np.searchsorted(low, above, "left") + np.searchsorted(low, above, "right")
    return float(ranks.mean() / 2 / len(low))


def _miou(answers: Array, labels: Array) -> float:
    """The mean over classes that occur; marks of 255 or below 0 do not count."""
    classes = answers.shape[-3]
    found, counts = answers.argmax(-3).reshape(labels.shape), (labels >= 0) & (labels != 255)
    found, truth = found[counts], labels[counts].astype(np.int64)
    both = np.bincount(truth[found == truth], minlength=classes)
    either = np.bincount(truth, minlength=classes) + np.bincount(found, minlength=classes) - both
    return float((both[either > 0] / either[either > 0]).mean())


def _cosine(answers: Array, originals: Array) -> float:
    """Over all values at once."""
    a, b = (np.ravel(values).astype(np.float64) for values in (answers, originals))
    return float(a @ b) / max(float(np.sqrt((a @ a) * (b @ b))), 1e-30)
