"""Labels that are numbers, and how they could be meant where they are far from the answers."""

from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, ConfigDict

from optim.arrays import Array

FEWEST = 50  # samples, below which sound labels may look like other numbers
_MOST_LEFT = 1 / 3
"""Of the mean error: a change of the answers that leaves no more explains it."""
_RELATED = 0.9  # of answers in other units: how much of the labels' variance they explain
_SMALL = 0.01  # of the mean error: a shift that is no more than what rounding leaves
_RANKED = 0.95  # of answers that are bent: how well their order is that of the labels
_MOST_COLUMNS = 100
_BENT: dict[str, Callable[[Array], Array]] = {
    "to the power of e": np.exp,
    "to the power of e, less 1": np.expm1,
    "to the power of 10": lambda x: np.power(10.0, x),
    "as their logarithm": np.log,
    "as the logarithm of 1 more": np.log1p,
    "squared": np.square,
    "as their root": np.sqrt,
}
"""What a model may have been trained on the other side of -> how to come back."""


class OtherUnits(BaseModel):
    """Labels that are about `scale` times the answers plus `shift`, and the mean error of either.

    On `n` samples, in the labels' units.
    """

    model_config = ConfigDict(frozen=True)

    scale: float
    shift: float
    as_given: float
    after: float
    n: int

    def said(self) -> str:
        """It as a sentence."""
        shifted = ""
        if abs(self.shift) >= _SMALL * self.as_given:
            shifted = f" {'plus' if self.shift > 0 else 'minus'} {abs(self.shift):.3g}"
        return (
            f"The original's answers are off by {self.as_given:.3g} on average; taken "
            f"{self.scale:.3g} times{shifted} they are off by {self.after:.3g} ({self.n} samples): "
            "the labels seem to be in other units than the model answers in."
        )


def other_units(answers: Array, labels: Array) -> OtherUnits | None:
    """How labels and answers go together that are proportional but not alike, by least squares.

    None where they tell little of each other, or are as alike as they can be.

    Args:
        answers, labels: float[samples, numbers].
    """
    ours, theirs = np.ravel(answers), np.ravel(labels)
    if not np.ptp(ours) or not np.ptp(theirs):
        return None
    scale, shift = np.polyfit(ours, theirs, 1)
    before, after = (float(np.abs(theirs - one).mean()) for one in (ours, scale * ours + shift))
    if np.corrcoef(ours, theirs)[0, 1] ** 2 < _RELATED or after > _MOST_LEFT * before:
        return None
    return OtherUnits(
        scale=float(scale), shift=float(shift), as_given=before, after=after, n=len(labels)
    )


def number_misfit(answers: Array, labels: Array) -> str:
    """What labels that are numbers seem to be instead, as a sentence; empty if nothing."""
    if len(labels) < FEWEST or not (np.isfinite(answers).all() and np.isfinite(labels).all()):
        return ""
    units = other_units(answers, labels)
    return units.said() if units else other_meaning(answers, labels)


def other_meaning(answers: Array, labels: Array) -> str:
    """What labels seem to be, other than numbers as the model answers them; empty if nothing.

    Args:
        answers, labels: float[samples, numbers].
    """
    return _exchanged(answers, labels) or _bent(answers, labels)


def _exchanged(answers: Array, labels: Array) -> str:
    """That the numbers of each label are in another order: by the assignment with least error."""
    if not 1 < labels.shape[1] <= _MOST_COLUMNS:
        return ""
    from scipy.optimize import linear_sum_assignment

    errors = np.abs(answers[:, :, None] - labels[:, None, :]).mean(axis=0)
    order = linear_sum_assignment(errors)[1]
    before, after = float(np.trace(errors)), float(errors[range(len(order)), order].sum())
    if after > _MOST_LEFT * before:
        return ""
    named = ", ".join(str(place + 1) for place in order)
    return _told(before / len(order), f"with each label's numbers in the order {named}",
                 after / len(order), len(labels))  # fmt: skip


def _bent(answers: Array, labels: Array) -> str:
    """That one is a function of the other that is no line, such as a logarithm."""
    from scipy.stats import spearmanr

    ours, theirs = answers.ravel(), labels.ravel()
    if np.ptp(ours) == 0 or np.ptp(theirs) == 0 or spearmanr(ours, theirs)[0] < _RANKED:
        return ""
    with np.errstate(all="ignore"):
        errors = {how: np.abs(bend(ours) - theirs).mean() for how, bend in _BENT.items()}
    known = {how: float(error) for how, error in errors.items() if np.isfinite(error)}
    before, how = float(np.abs(ours - theirs).mean()), min(known, key=lambda one: known[one])
    if known[how] > _MOST_LEFT * before:
        return ""
    return _told(before, f"taken {how}", known[how], len(labels))


def _told(before: float, how: str, after: float, count: int) -> str:
    return (
        f"The original's answers are off by {before:.3g} on average; {how}, they are off by "
        f"{after:.3g} ({count} samples): the labels seem to be other numbers "
        "than the model answers."
    )
