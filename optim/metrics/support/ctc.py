"""Answers of CTC models: a class for each time step, one of which is a blank.

They are read by the best path (Graves et al. 2006): the highest score of each step, repeats taken
as one, blanks left out.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from optim.arrays import Array
from optim.metrics.base import Metric
from optim.metrics.support import tokens
from optim.model import TensorSpec

Blank = Literal["none", "first", "last"]


class ReadsSequences(Metric):
    """A metric of sequences that may be answered in time steps."""

    ctc_blank: Blank = Field(
        default="none",
        description="Whether the output scores time steps of a CTC model, and which class is its "
        "blank; none: the answers are the tokens themselves.",
    )

    def answered(self, output: Array, label: Array) -> Array:
        """The tokens of an answer, without those in places of the label that do not count."""
        if self.ctc_blank == "none":
            return tokens.counted(tokens.beside(output, label))
        steps = tokens.answer(output.reshape(-1, output.shape[-1]))
        changed = np.r_[True, steps[1:] != steps[:-1]]
        return tokens.counted(steps[changed & (steps != self._blank(output.shape[-1]))])

    def wanted(self, output: Array, label: Array) -> Array:
        """The tokens of a label; blanks fill it up, as numbers below 0 do."""
        found = tokens.counted(label)
        if self.ctc_blank == "none":
            return found
        kept: Array = found[found != self._blank(output.shape[-1])]
        return kept

    def _blank(self, classes: int) -> int:
        return 0 if self.ctc_blank == "first" else classes - 1

    def suited(self, labels: Array | None, outputs: Sequence[TensorSpec]) -> Metric:
        """For outputs that score more steps than the labels have places, the blank they have."""
        steps = time_steps(labels, outputs)
        if labels is None or not steps:
            return self
        filled = labels if (labels < 0).any() else _without_filler(labels)
        uses_first = bool((filled == 0).any())
        return self.model_copy(update={"ctc_blank": "last" if uses_first else "first"})


def time_steps(labels: Array | None, outputs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """Outputs that can only score time steps of such labels: more steps than they have places."""
    if labels is None or not tokens.are_sequences(labels):
        return []
    if any(map(tokens.decides_places, outputs)):
        return []
    scored = [spec for spec in outputs if scores_steps(spec)]
    return [spec for spec in scored if max(spec.shape[:2]) > labels.shape[1]]


def scores_steps(spec: TensorSpec) -> bool:
    """Whether an output is [1, steps, classes] or [steps, 1, classes] of floating scores."""
    known = "float" in spec.dtype and len(spec.shape) == 3 and spec.shape[2] > 1
    return known and min(spec.shape[:2]) == 1 and max(spec.shape[:2]) > 1


def _without_filler(labels: Array) -> Array:
    """The labels with the zeros at their ends marked as no tokens."""
    later = np.flip(np.cumsum(np.flip(labels != 0, 1), 1), 1)
    return np.where(later > 0, labels, -1)
