"""Whether a model's answers collapsed, or are far off, whatever a metric says of them."""

from collections.abc import Iterable, Sequence

from optim.judging.fidelity import Drift

_FEWEST_MOVED = 5
"""Answers that are another class than the original's, below which one class for all is chance."""


def collapsed(
    drifts: Sequence[Drift],
    answers: Sequence[tuple[int, int]],
    lost: Iterable[str],
    at_random: bool,
) -> str:
    """A sentence on how the answers collapsed; empty if they did not.

    Args:
        answers: the class that the original names for each sample, and the other's.
        lost: what is said of metrics that fell too far; empty texts for others.
        at_random: the original draws at random, so that its own answers differ as much.
    """
    reasons = [drift.broke() for drift in drifts]
    if not at_random:
        reasons += [drift.left() for drift in drifts]
        reasons += [_one_class(answers), *lost]
    return next(filter(None, reasons), "")


def _one_class(answers: Sequence[tuple[int, int]]) -> str:
    originals, others = ({pair[side] for pair in answers} for side in (0, 1))
    moved = sum(original != other for original, other in answers)
    if len(originals) > 1 and len(others) == 1 and moved >= _FEWEST_MOVED:
        return f"It answers class {others.pop()} on every sample."
    return ""


def far_off(drifts: Iterable[Drift]) -> str:
    """What is said of a floating output that is far off; numbers of classes have no noise."""
    return next(filter(None, (drift.drifted() for drift in drifts if drift.floating)), "")
