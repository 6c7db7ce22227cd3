"""(d) Isolating the child that times does not change what it measures, within 3 %."""

import os
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy import stats

from bench.procedure import Subject, slice_number, subjects
from optim.recipe import Recipe
from optim.settings import settings
from optim.timing.measurement import CANDIDATE
from optim.timing.stopping import StoppingRule

TOLERANCE = 0.03
_VARIABLE = "OPTIM_ISOLATION"


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim is shown. Isolated and open processes take turns."""
    rows, fine = [], True
    for subject in subjects(options.sample):
        logs = np.array([[_log_p50(subject, turn, on) for on in (True, False)]
                         for turn in range(options.slices)])  # fmt: skip
        gaps = logs[:, 0] - logs[:, 1]
        reach = stats.t.ppf(0.975, len(gaps) - 1) * stats.sem(gaps)
        low, value, high = np.exp([gaps.mean() - reach, gaps.mean(), gaps.mean() + reach]) - 1
        verdict = judged(low, high)
        fine &= verdict == "yes"
        isolated, freely = np.exp(logs.mean(axis=0))
        rows.append(
            f"| {subject.name} | {isolated:.4f} | {freely:.4f} "
            f"| {value:+.1%} ({low:+.1%} to {high:+.1%}) | {verdict} |"
        )
    head = (
        "| sample | isolated p50, ms | not isolated, ms | difference (95 %) | within |\n"
        "|---|---|---|---|---|\n"
    )
    return f"## Isolated children against open ones (within 3 %)\n\n{head}" + "\n".join(rows), fine


def _log_p50(subject: Subject, turn: int, isolated: bool) -> float:
    with _isolation(isolated):
        seconds = StoppingRule.of_settings().seconds(1)
        piece = slice_number(subject, subject.model, Recipe.baseline(), turn, seconds)
    return float(np.log(np.median(piece.block_medians(CANDIDATE))))


def judged(low: float, high: float) -> str:
    """Whether a difference is within the tolerance, by the interval of its share."""
    if low > TOLERANCE or high < -TOLERANCE:
        return "no"
    return "yes" if low >= -TOLERANCE and high <= TOLERANCE else "cannot be told"


@contextmanager
def _isolation(wanted: bool) -> Iterator[None]:
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(wanted)
    settings.cache_clear()
    try:
        yield
    finally:
        os.environ.pop(_VARIABLE)
        os.environ |= {_VARIABLE: before} if before else {}
        settings.cache_clear()
