"""Labels that do not fit the model: which change of them would, by the original's own answers."""

from dataclasses import dataclass
from math import perm

import numpy as np

from optim.arrays import Array
from optim.findings import percent

_FEWEST = 20  # samples, below which a better fit is asked how likely it is by chance
_PER_CLASS = 5  # samples, below which the best order of classes fits by chance
GAIN, GOOD = 0.2, 0.5  # what a change must gain at least, and reach
_CHANCE = 4.0
"""Divided by the root of the number of samples: eight standard deviations of a share, gained by
nothing that is chance, though the best of many orders is taken."""
_LUCK = 1e-3  # likelihood of a fit by chance, below which it is none
_CLEAR = 0.02
"""A shift is preferred to another order that fits no better than this."""
_FEWEST_UNRELATED = 50  # samples, below which sound labels may look like chance
_BEYOND, _RELATED = 3.0, 1e-3  # standard errors above chance; the p-value of a relation
_MOST_CLASSES = 200  # whose order can be written down


@dataclass(frozen=True)
class Misfit:
    """What is wrong with labels, in words, and the change that would mend it; empty: none known."""

    text: str
    change: str = ""


def misfit(labels: Array, answers: Array, classes: int) -> Misfit | None:
    """How class labels could be meant, where a change of them fits the original's answers better.

    Args:
        labels: the class of each sample.
        answers: the class that the original answers.
        classes: how many the model has.
    """
    if len(labels) < _FEWEST:
        return _misfit_of_few(labels, answers, classes)
    if len(np.unique(labels)) == 1 and len(np.unique(answers)) > 1:
        return Misfit(
            f"All {len(labels):,} labels are {labels[0]}, while the original answers "
            f"{len(np.unique(answers))} classes: are they the labels?"
        )
    fit, gain = float(np.mean(labels == answers)), max(GAIN, _CHANCE / len(labels) ** 0.5)
    shift, shifted = _best_shift(labels, answers)
    enough = len(labels) >= _PER_CLASS * len(np.unique(labels))
    order, ordered = _best_order(labels, answers, classes) if enough else ([], 0.0)
    if shifted >= max(GOOD, fit + gain, ordered - _CLEAR):
        return _told(fit, shifted, f"shift={shift:+d}", "Shifted by one")
    if order and ordered >= GOOD and (ordered >= fit + gain or _moves_well(labels, answers, order)):
        return _told_of_order(fit, ordered, order)
    return None


def _misfit_of_few(labels: Array, answers: Array, classes: int) -> Misfit | None:
    """The same of so few samples that the changes tried are counted: one may fit by chance."""
    if len(labels) == 0:
        return None
    fit = float(np.mean(labels == answers))
    shift, shifted = _best_shift(labels, answers)
    order, ordered = _best_order(labels, answers, classes)
    if shifted >= max(fit + GOOD, ordered - _CLEAR) and _luck(labels, answers, shifted, 2) < _LUCK:
        return _told(fit, shifted, f"shift={shift:+d}", "Shifted by one")
    tried = perm(len(order), len(np.unique(labels)))
    if order and ordered >= fit + GOOD and _luck(labels, answers, ordered, tried) < _LUCK:
        return _told_of_order(fit, ordered, order)
    return None


def _luck(labels: Array, answers: Array, fit: float, tried: int) -> float:
    """At most how likely one of so many changes fits so well where labels tell nothing of answers.

    A sample fits by chance at most as often as if the commonest label went with the commonest
    answer, the second with the second, and so on. The changes' likelihoods add up (Bonferroni).
    """
    from scipy.stats import binom

    counts = [np.sort(np.unique(one, return_counts=True)[1])[::-1] for one in (labels, answers)]
    most = sum(float(a * b) for a, b in zip(*counts, strict=False)) / len(labels) ** 2
    return float(binom.sf(round(fit * len(labels)) - 1, len(labels), most)) * tried


def _best_shift(labels: Array, answers: Array) -> tuple[int, float]:
    """By how much labels are best shifted, -1 or 1, and how many then fit."""
    fits = ((by, float(np.mean(labels + by == answers))) for by in (-1, 1))
    return max(fits, key=lambda item: item[1])


def swapped(score: float, count: int) -> Misfit | None:
    """That 0 and 1 are likely exchanged, where scores of class 1 go with labels of 0.

    Args:
        score: the area under the ROC curve, of the original.
        count: of samples.
    """
    if count < _FEWEST or 0.5 - score < max(GAIN, _CHANCE / count**0.5) / 2:
        return None
    return Misfit(
        f"The original orders the samples the wrong way round (AUC {score:.4g}). With 0 and 1 "
        f"swapped in the labels it scores {1 - score:.4g}: bring the EvalSet with --labels "
        "'order=1|0', or take the change on the page.",
        "order=1|0",
    )


def unrelated(labels: Array, answers: Array) -> str:
    """What to think of labels that tell nothing of the answers; empty where they tell something.

    Both vary, yet they agree as often as chance would have it, and no class goes with another (chi
    square): labels of other samples, or answers to inputs that are not what the model expects.
    """
    kinds = [np.unique(one, return_inverse=True) for one in (labels, answers)]
    if len(labels) < _FEWEST_UNRELATED or min(len(found) for found, _ in kinds) < 2:
        return ""
    from scipy.stats import chi2_contingency

    table = np.zeros([len(found) for found, _ in kinds])
    np.add.at(table, tuple(places for _, places in kinds), 1)
    fit, chance = float(np.mean(labels == answers)), _by_chance(labels, answers)
    if fit > chance + _BEYOND * (chance * (1 - chance) / len(labels)) ** 0.5:
        return ""
    if chi2_contingency(table).pvalue < _RELATED:
        return ""
    return (
        f"The labels fit {percent(fit, 1)} of the original's answers, where chance alone would fit "
        f"{percent(chance, 1)}, and no class goes with another: the labels seem shuffled or those "
        "of other samples, or the inputs are not prepared as in training."
    )


def _by_chance(labels: Array, answers: Array) -> float:
    """How often two columns of numbers agree where neither tells anything of the other."""
    return sum(float(np.mean(labels == one) * np.mean(answers == one)) for one in set(labels))


def _moves_well(labels: Array, answers: Array, order: list[int]) -> bool:
    """Whether an order fits the samples of the classes that it moves, and beyond chance.

    Two classes of many that have each other's labels are few samples, but nearly all of them.
    """
    meant = np.array(order)[labels]
    moved = meant != labels
    if not moved.any():
        return False
    fits, did = (float(np.mean(one[moved] == answers[moved])) for one in (meant, labels))
    return fits - did >= max(GOOD, _CHANCE / float(np.sqrt(moved.sum())))


def _told_of_order(before: float, after: float, order: list[int]) -> Misfit:
    change = f"order={'|'.join(map(str, order))}"
    return _told(before, after, change, "With the classes in another order")


def _told(before: float, after: float, change: str, how: str) -> Misfit:
    return Misfit(
        f"The labels fit {percent(before, 1)} of the original's answers. {how} they fit "
        f"{percent(after, 1)} instead of {percent(before, 1)}: bring the EvalSet with --labels "
        f"'{change}', or take the change on the page.",
        change,
    )


def _best_order(labels: Array, answers: Array, classes: int) -> tuple[list[int], float]:
    """The model's class for each class of the labels that makes most of them fit, and how many do.

    Hungarian method (Kuhn 1955) on the table of how often a label met an answer. Classes that
    never occur get what is left, in order.
    """
    size = max(classes, int(labels.max()) + 1, int(answers.max()) + 1)
    if size > _MOST_CLASSES or labels.min() < 0 or answers.min() < 0:
        return [], 0.0
    from scipy.optimize import linear_sum_assignment  # takes a moment, and is seldom needed

    table = np.zeros((size, size))
    np.add.at(table, (labels, answers), 1)
    rows, columns = linear_sum_assignment(table + 1e-6 * np.eye(size), maximize=True)
    return columns.tolist(), float(table[rows, columns].sum() / len(labels))
