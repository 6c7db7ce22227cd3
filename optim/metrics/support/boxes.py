"""Boxes of detectors: a model's as one table, true ones as labels, and which belong together.

The rules are those of COCO's evaluation (pycocotools 2.0.11, `evaluateImg`): of each class the best
scored boxes choose first, each the free true box that it overlaps most.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from optim.arrays import Array
from optim.errors import InputError
from optim.model import TensorSpec

THRESHOLDS = np.linspace(0.5, 0.95, 10)
"""Overlaps (IoU) at which boxes are matched."""
MOST_FOUND = 300
"""Boxes of a sample that are kept, the best scored first."""
_MOST_OF_A_CLASS = 100
_CLASS_WORDS = ("class", "label", "categor")
NO_CLASS = -1


def box_outputs(outputs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """Outputs of boxes [N, 4] that a score for each goes with, and tables of boxes [N, 6]."""
    able = filter(are_boxes, outputs)
    return [spec for spec in able if spec.shape[-1] == 6 or _scores_beside(spec, outputs)]


def are_boxes(spec: TensorSpec) -> bool:
    """Whether an output is rows of four or six floating numbers: [N, k] or [1, N, k]."""
    shape = spec.shape[1:] if spec.shape[:1] == (1,) else spec.shape
    return "float" in spec.dtype and len(shape) == 2 and shape[0] != 1 and shape[1] in (4, 6)


def _scores_beside(boxes: TensorSpec, outputs: Sequence[TensorSpec]) -> bool:
    beside = [s for s in outputs if s.name != boxes.name and s.shape == boxes.shape[:-1]]
    return any("float" in s.dtype and not _tells_class(s.name) for s in beside)


def _tells_class(name: str) -> bool:
    return any(word in name.lower() for word in _CLASS_WORDS)


def table(name: str, outputs: Mapping[str, Array]) -> Array:
    """Found boxes [N, 6], two corners, score and class, whichever outputs hold them.

    One class (0) where none is said.
    """
    boxes = outputs[name]
    if boxes.shape[-1] != 6:
        columns = {n: a.ravel() for n, a in outputs.items() if n != name and _beside(a, boxes)}
        named = {n: a for n, a in columns.items() if a.dtype.kind in "iu" or _tells_class(n)}
        scores = next(a for n, a in columns.items() if n not in named)
        classes = next(iter(named.values()), np.zeros(len(scores)))
        boxes = np.column_stack([boxes.reshape(-1, 4), scores, classes])
    return boxes.reshape(-1, 6).astype(np.float64)


def best_scored(rows: Array) -> Array:
    """Found boxes in the order of their scores, without those that are no numbers."""
    rows = rows[np.isfinite(rows).all(axis=1) & (rows[:, 5] > NO_CLASS)]
    return rows[np.argsort(-rows[:, 4], kind="stable")][:MOST_FOUND]


def _beside(array: Array, boxes: Array) -> bool:
    return array.shape == boxes.shape[:-1]


def checked(labels: Array) -> Array:
    """True boxes [samples, most, 5 or 6] as [samples, most, 6]. Raises InputError.

    A row is the class, two corners and, if it is there, 1 where a box shall not count; the class
    -1 fills up samples that have fewer. Whether four numbers are corners the original's answers
    tell, when it is judged.
    """
    if labels.ndim != 3 or labels.shape[2] not in (5, 6):
        raise _wrong(f"are {labels.dtype}{list(labels.shape)}")
    given = labels.astype(np.float64)
    classes = given[..., 0]
    if not np.array_equal(classes, np.rint(classes)):
        raise _wrong("have a class that is no whole number")
    short = given.shape[2] == 5
    return np.concatenate([given, np.zeros((*given.shape[:2], 1))], 2) if short else given


def _wrong(what: str) -> InputError:
    return InputError(
        f"The true boxes {what}.",
        "Give labels [samples, most, 5]: the class, then two corners in the coordinates and the "
        "order that the model answers in; rows of class -1 fill up a sample. A sixth number of 1 "
        "says that a box does not count (COCO's iscrowd).",
        "EvalSet",
    )


def matched(found: Array, true: Array) -> tuple[Array, Array]:
    """For each found box whether it hit a true one, and whether it does not count: [N, thresholds].

    Args:
        found: rows as `table` has them, the best scored first.
        true: rows as `checked` has them, without those of class -1.
    """
    hits = np.zeros((len(found), len(THRESHOLDS)), bool)
    void = np.zeros_like(hits)
    for number in np.unique(found[:, 5]):
        mine = np.flatnonzero(found[:, 5] == number)
        void[mine[_MOST_OF_A_CLASS:]] = True
        mine, theirs = mine[:_MOST_OF_A_CLASS], true[true[:, 0] == number]
        theirs = theirs[np.argsort(theirs[:, 5], kind="stable")]  # those that count come first
        shares = overlaps(found[mine, :4], theirs[:, 1:5], theirs[:, 5] == 1)
        for t, least in enumerate(THRESHOLDS):
            hit, ignored = _chosen(shares, theirs[:, 5] == 1, least)
            hits[mine, t], void[mine, t] = hit & ~ignored, ignored
    return hits, void


def _chosen(shares: Array, crowd: Array, least: float) -> tuple[Array, Array]:
    """Which found boxes have a true one at this overlap, and which of these one of a crowd."""
    taken = np.zeros(len(crowd), bool)
    hit, ignored = np.zeros(len(shares), bool), np.zeros(len(shares), bool)
    for one, row in enumerate(shares):
        for those in (~crowd & ~taken, crowd):  # a crowd may be hit many times
            able = np.flatnonzero(those & (row >= min(least, 1 - 1e-10)))
            if able.size:
                best = able[row[able] == row[able].max()][-1]
                taken[best] = hit[one] = True
                ignored[one] = crowd[best]
                break
    return hit, ignored


def overlaps(found: Array, true: Array, crowd: Array) -> Array:
    """Intersection over union [found, true]; for crowds over the found box's own area."""
    low = np.maximum(found[:, None, :2], true[None, :, :2])
    high = np.minimum(found[:, None, 2:], true[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=2)
    mine, theirs = (np.clip(b[:, 2:] - b[:, :2], 0, None).prod(axis=1) for b in (found, true))
    either = np.where(crowd, mine[:, None], mine[:, None] + theirs[None] - both)
    shares: Array = np.where(either > 0, both / np.where(either > 0, either, 1), 0.0)
    return shares
