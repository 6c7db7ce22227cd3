"""Average precision from rows of matched boxes, for many weightings of the samples at once."""

import numpy as np

from optim.arrays import Array
from optim.metrics.support.boxes import MOST_FOUND, NO_CLASS, THRESHOLDS, best_scored, matched
from optim.metrics.support.rows import Rows, ratio

_RECALLS = np.linspace(0, 1, 101)
_FIELDS = 4  # of a found box: score, class, at which thresholds it hit, and where it is void
_CHUNK = 2_000_000  # numbers held at a time
_BITS = 1 << np.arange(len(THRESHOLDS))


def row(found: Array, true: Array) -> list[float]:
    """One sample: its found boxes with what they hit, then the class of each true box.

    Args:
        found: [N, 6], true: [most, 6], as `boxes` has them.
    """
    found, true = best_scored(found), true.reshape(-1, 6)
    there = true[true[:, 0] > NO_CLASS]
    hits, void = matched(found, there)
    rows = np.full((MOST_FOUND, _FIELDS), float(NO_CLASS))
    rows[: len(found)] = np.column_stack([found[:, 4:6], hits @ _BITS, void @ _BITS])
    counted = np.where(true[:, 5] == 1, NO_CLASS, true[:, 0])
    return [*rows.ravel().tolist(), *counted.tolist()]


def mean_precision(rows: Rows, weights: Rows, thresholds: slice) -> Rows:
    """The mean over the classes that occur and these thresholds [b]; 0 where none occurs."""
    count = MOST_FOUND * _FIELDS
    found, true = rows[:, :count].reshape(len(rows), MOST_FOUND, _FIELDS), rows[:, count:]
    total, present = np.zeros(len(weights)), np.zeros(len(weights))
    for number in np.unique(true[true > NO_CLASS]):
        there = weights @ (true == number).sum(axis=1)
        sample, place = np.nonzero(found[..., 1] == number)
        mine = found[sample, place]
        order = np.argsort(-mine[:, 0], kind="stable")
        total += _of_class(mine[order], sample[order], weights, there, thresholds)
        present += there > 0
    return ratio(total, present, np.array(0.0))


def _of_class(mine: Array, sample: Array, weights: Rows, there: Rows, thresholds: slice) -> Rows:
    """The mean over the thresholds of one class's average precision [b]."""
    values = np.zeros(len(weights))
    if not len(mine):
        return values
    bits = _BITS[thresholds]
    hits, void = ((mine[:, field, None].astype(int) & bits > 0) for field in (2, 3))
    at_once = max(1, _CHUNK // len(mine))
    for start in range(0, len(weights), at_once):
        part = slice(start, start + at_once)
        drawn = weights[part][:, sample]
        found = [_average(drawn, h, v, there[part]) for h, v in zip(hits.T, void.T, strict=True)]
        values[part] = np.mean(found, axis=0)
    return values


def _average(drawn: Array, hit: Array, void: Array, there: Array) -> Array:
    """Area under precision over recall at 101 recalls; boxes in the order of their scores."""
    right, wrong = (drawn * hit).cumsum(axis=1), (drawn * ~(hit | void)).cumsum(axis=1)
    precision = ratio(right, right + wrong, np.zeros_like(right))
    best_after = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    recall = ratio(right, np.broadcast_to(there[:, None], right.shape), np.zeros_like(right))
    reached = np.searchsorted(_RECALLS, recall, side="right")
    before = np.column_stack([np.zeros(len(drawn), reached.dtype), reached[:, :-1]])
    return np.asarray((best_after * (reached - before)).sum(axis=1) / len(_RECALLS))
