"""True boxes that do not fit the model: which form they seem to be in, by what the original found.

Of every form in which people write boxes, and every scale that the picture suggests, it is counted
how many true boxes the original found one at.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from optim.arrays import Array, Feeds
from optim.evalset.preprocessing import channel_axis
from optim.findings import percent
from optim.judging.labelling import GAIN, GOOD, Misfit, misfit
from optim.metrics.support.box_forms import ORDERS, BoxForm
from optim.metrics.support.boxes import NO_CLASS, overlaps

_FEWEST = 10  # true boxes, below which a better fit may be chance
_HIT = 0.5  # least overlap (IoU) of a true box and one that was found at it
_BEST = 100  # found boxes of a sample that are looked at, the best scored
MOST_SAMPLES = 200


def picture_size(sample: Feeds) -> tuple[int, int] | None:
    """Width and height of the first input that is a picture [1, c, h, w] or [1, h, w, c]."""
    for shape in (array.shape for array in sample.values()):
        if axis := channel_axis(shape):
            return (shape[3], shape[2]) if axis == 1 else (shape[2], shape[1])
    return None


def box_misfit(true: Array, found: Sequence[Array], size: tuple[int, int] | None) -> Misfit | None:
    """How true boxes could be meant, where a change of them fits the original's answers better.

    Args:
        true: [samples, most, 6], class, four numbers, and 1 where a box does not count.
        found: of each of the samples, rows of corners, score and class, the best scored first.
        size: width and height of the model's picture.
    """
    true = true[: len(found)]
    count = int((true[..., 0] > NO_CLASS).sum())
    if count < _FEWEST:
        return _turned(true)
    as_given = _hits(BoxForm(), true, found)
    form, hits = max(
        ((form, _hits(form, true, found)) for form in _forms(size)), key=lambda one: _share(one[1])
    )
    before, after = _share(as_given), _share(hits)
    better = after >= max(GOOD, before + GAIN)
    classes = _classes_changed(true, found, hits if better else as_given)
    if not better:
        return classes or _turned(true)
    change = f"boxes={form.spelling}" + (f",{classes.change}" if classes else "")
    return Misfit(
        f"The original found a box at {percent(before, 1)} of the true ones. Taken as "
        f"{_WORDS[form.order]}{_scaled(form)} it found one at {percent(after, 1)}: bring the "
        f"EvalSet with --labels '{change}', or take the change on the page.",
        change,
    )


_WORDS = {
    "xyxy": "two corners",
    "cxcywh": "centre and size (as YOLO writes them)",
    "xywh": "a corner and the size (as COCO writes them)",
    "yxyx": "two corners, each with y first,",
}


def _scaled(form: BoxForm) -> str:
    if not form.scale:
        return ""
    sides = form.scale[1:].replace("x", " by ")
    return f" in shares of {sides} pixels," if form.scale[0] == "*" else f" over {sides} pixels,"


def _forms(size: tuple[int, int] | None) -> Iterator[BoxForm]:
    sides = f"{size[0]}x{size[1]}" if size else ""
    scales = ("", f"*{sides}", f"/{sides}") if sides else ("",)
    for scale in scales:
        for order in ORDERS:
            yield BoxForm(order=order, scale=scale)


def _hits(form: BoxForm, true: Array, found: Sequence[Array]) -> list[Array]:
    """Of each sample, for each true box, the place of the found one that it overlaps, or -1."""
    return [_matched(form, rows, boxes) for rows, boxes in zip(true, found, strict=True)]


def _matched(form: BoxForm, rows: Array, found: Array) -> Array:
    there = rows[rows[:, 0] > NO_CLASS]
    if not len(found):
        return np.full(len(there), -1)
    corners = form.corners(there[:, 1:5])
    shares = overlaps(found[:_BEST, :4], corners, np.zeros(len(there), bool))
    best: Array = np.where(shares.max(axis=0) >= _HIT, shares.argmax(axis=0), -1)
    return best


def _share(hits: Sequence[Array]) -> float:
    return float(np.mean(np.concatenate(hits) >= 0))


def _classes_changed(true: Array, found: Sequence[Array], hits: Sequence[Array]) -> Misfit | None:
    """Whether the classes of the true boxes seem to be counted otherwise than those found."""
    labels, answers = list[float](), list[float]()
    for rows, boxes, places in zip(true, found, hits, strict=True):
        there = rows[rows[:, 0] > NO_CLASS]
        labels += there[places >= 0, 0].tolist()
        answers += boxes[places[places >= 0], 5].tolist() if len(boxes) else []
    given, known = np.array([labels, answers], np.int64)
    told = misfit(given, known, int(max([*labels, *answers], default=0)) + 1)
    return told if told and told.change else None


def _turned(true: Array) -> Misfit | None:
    """A second corner that is not beyond the first: these are no corners, whatever they are."""
    there = true[..., 0] > NO_CLASS
    turned = there & (true[..., 3:5] < true[..., 1:3]).any(axis=-1)
    if not turned.any():
        return None
    sample, row = np.argwhere(turned)[0]
    return Misfit(
        f"{turned.sum():,} of {there.sum():,} true boxes are no two corners, such as "
        f"{[float(f'{v:.6g}') for v in true[sample, row, 1:5]]} in sample {sample}: if they are "
        "centre and size (YOLO), bring the EvalSet with --labels boxes=cxcywh, if a corner and the "
        "size (COCO), with --labels boxes=xywh."
    )
