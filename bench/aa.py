"""(b) The baseline against itself: its interval contains 1 in at least 95 % of the tries."""

from argparse import Namespace
from itertools import cycle, islice

from scipy.stats import binomtest

from bench import coverage
from bench.procedure import measured, subjects
from optim.recipe import Recipe

WANTED = 0.95


def run(options: Namespace) -> tuple[str, bool]:
    """Report in Markdown and whether the claim holds, on real and on simulated latencies."""
    tries = list(islice(cycle(subjects(options.sample)), options.tries))
    found = [measured(subject, subject.model, Recipe.baseline()) for subject in tries]
    hits = sum(one.speedup.low <= 1 <= one.speedup.high for one in found)
    share = binomtest(hits, len(found)).proportion_ci()
    widths = sorted(one.speedup.half_width for one in found)
    gaps = sorted(abs(one.speedup.value - 1) for one in found)
    processes = sum(one.processes for one in found) / len(found)
    middle, worst = len(found) // 2, -1
    simulated, covered = coverage.table(options.simulations)
    text = (
        "## A/A: the baseline against itself\n\n"
        f"The interval contains 1 in {hits} of {len(found)} tries "
        f"(95 % interval of that share: {share.low:.1%} to {share.high:.1%}).\n"
        f"Half widths: median {widths[middle]:.2%}, largest {widths[worst]:.2%}; distance of the "
        f"value from 1: median {gaps[middle]:.2%}, largest {gaps[worst]:.2%}; "
        f"{processes:.1f} processes a try.\n\n"
        f"### Simulated latencies, true speed-up {coverage.TRUTH}\n\n{simulated}"
    )
    return text, hits >= WANTED * len(found) and covered
