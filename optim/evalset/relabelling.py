"""Changes of labels that make them fit the model: another count, order, or form of boxes.

Spelled `shift=-1` (one less for each label), `order=2|0|1` (class 0 is the model's class 2) or
`boxes=cxcywh*640x480` (see `box_forms`); several with commas between.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array
from optim.errors import InputError
from optim.metrics.support.box_forms import BoxForm
from optim.metrics.support.boxes import NO_CLASS
from optim.metrics.support.pixels import VOID

_SHIFT = re.compile(r"[-+]?\d{1,6}")
_ORDER = re.compile(r"\d{1,6}(\|\d{1,6})*")
_MOST = 20_000  # characters of a spelling


class Relabelling(BaseModel):
    """Such changes; `order` is empty and `boxes` is none where these stay."""

    model_config = ConfigDict(frozen=True)

    shift: int = 0
    order: tuple[int, ...] = ()
    boxes: BoxForm | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the spelling; empty text changes nothing. Raises InputError."""
        changes: dict[str, Any] = {}
        for part in text[:_MOST].split(",") if text else ():
            kind, _, value = part.strip().partition("=")
            if kind == "shift" and _SHIFT.fullmatch(value):
                changes["shift"] = int(value)
            elif kind == "order" and _ORDER.fullmatch(value):
                changes["order"] = tuple(map(int, value.split("|")))
            elif kind == "boxes" and (form := BoxForm.parse(value)):
                changes["boxes"] = form
            else:
                raise _none(part)
        return cls(**changes)

    @property
    def spelling(self) -> str:
        """The text form; empty where nothing changes."""
        parts = [f"boxes={self.boxes.spelling}"] if self.boxes else []
        if self.order:
            parts.append(f"order={'|'.join(map(str, self.order))}")
        elif self.shift:
            parts.append(f"shift={self.shift:+d}")
        return ",".join(parts)

    def applied(self, labels: Array) -> Array:
        """The changed labels: classes [samples, ...], or boxes [samples, most, 5 or 6].

        Raises:
            InputError: The labels are not what the change is made for.
        """
        rows = labels.ndim == 3 and labels.shape[2] in (5, 6)
        if self.boxes:
            if not rows or labels.dtype.kind not in "iuf":
                raise self._unfit(f"the labels are {labels.dtype}{list(labels.shape)}, no boxes")
            labels = self.boxes.of_labels(labels)
        if not (self.shift or self.order):
            return labels
        if not rows:
            return self._classes(labels)
        changed, there = labels.astype(np.float64), labels[..., 0] > NO_CLASS
        changed[there, 0] = self._classes(labels[there, 0])
        return changed

    def _classes(self, labels: Array) -> Array:
        whole = labels.astype(np.int64)
        if labels.dtype.kind not in "iubf" or not np.array_equal(whole, labels):
            raise self._unfit("the labels are no whole numbers")
        counts = _counting(whole)
        if not self.order:
            return np.where(counts, whole + self.shift, whole)
        classes = whole[counts]
        if classes.size and not 0 <= classes.min() <= classes.max() < len(self.order):
            raise self._unfit(f"the labels reach from {classes.min()} to {classes.max()}")
        changed = whole.copy()
        changed[counts] = np.asarray(self.order, np.int64)[classes]
        return changed

    def _unfit(self, why: str) -> InputError:
        return InputError(
            f"The change {self.spelling} does not fit: {why}.", "Leave it out.", "EvalSet"
        )

    def note(self, classes: Sequence[str] = ()) -> str:
        """What was done, as a sentence."""
        if self.order and classes:
            pairs = ", ".join(f"{c} = {n}" for c, n in zip(classes, self.order, strict=False))
            return f"The labels were put in another order, as asked: {pairs}."
        return f"The labels were changed as asked: {self.spelling}."


def _counting(labels: Array) -> Array:
    """Which of many classes a sample count: not those marked below 0, nor with 255 in a mask."""
    if labels.ndim < 2:
        return np.ones(labels.shape, bool)
    counts: Array = (labels >= 0) & ((labels != VOID) | (labels.ndim < 3))
    return counts


def _none(text: str) -> InputError:
    return InputError(
        f"{text[:60]!r} is no change of labels.",
        "Write shift=-1, order=2|0|1 for the model's class of each label from 0, or, for boxes, "
        "boxes=cxcywh*640x480 for centres and sizes in shares of a picture of 640 by 480.",
        "EvalSet",
    )


def relabel(path: str, change: str, out: str) -> None:
    """Child: the stored EvalSet at `path` with its labels changed, written to `out`."""
    import json

    made = Relabelling.parse(change)
    with np.load(path, allow_pickle=False) as stored:
        arrays: dict[str, Any] = {name: stored[name] for name in stored.files}
    about = json.loads(str(arrays["about"]))
    if not about["labelled"]:
        raise InputError("The EvalSet has no labels to change.", "Leave it out.", "EvalSet")
    about["notes"] = [*about["notes"], made.note(about["classes"])]
    arrays["about"] = np.array(json.dumps(about))
    for name in [name for name in arrays if name.endswith("_labels")]:
        arrays[name] = made.applied(arrays[name])
    with Path(out).open("wb") as sink:
        np.savez(sink, allow_pickle=False, **arrays)
