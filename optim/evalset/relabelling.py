"""Changes of labels that make them fit the model's classes: a shift, or another order.

Spelled `shift=-1` (one less for each label) or `order=2|0|1` (class 0 is the model's class 2).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array
from optim.errors import InputError

_SPELLING = re.compile(r"shift=(?P<shift>[-+]?\d{1,6})|order=(?P<order>\d{1,6}(\|\d{1,6})*)")


class Relabelling(BaseModel):
    """One such change; `order` is empty for a shift."""

    model_config = ConfigDict(frozen=True)

    shift: int = 0
    order: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the spelling; empty text changes nothing. Raises InputError."""
        if not text:
            return cls()
        found = _SPELLING.fullmatch(text.strip())
        if not found:
            raise InputError(
                f"{text[:60]!r} is no change of labels.",
                "Write shift=-1, or order=2|0|1 for the model's class of each label from 0.",
                "EvalSet",
            )
        if found["shift"]:
            return cls(shift=int(found["shift"]))
        return cls(order=tuple(map(int, found["order"].split("|"))))

    @property
    def spelling(self) -> str:
        """The text form; empty where nothing changes."""
        if self.order:
            return f"order={'|'.join(map(str, self.order))}"
        return f"shift={self.shift:+d}" if self.shift else ""

    def applied(self, labels: Array) -> Array:
        """The changed labels. Raises InputError where they are no whole numbers in its range."""
        whole = labels.astype(np.int64)
        if labels.dtype.kind not in "iubf" or not np.array_equal(whole, labels):
            raise self._unfit("the labels are no whole numbers")
        if not self.order:
            return whole + self.shift
        if whole.size and not 0 <= whole.min() <= whole.max() < len(self.order):
            raise self._unfit(f"the labels reach from {whole.min()} to {whole.max()}")
        return np.asarray(self.order, np.int64)[whole]

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
