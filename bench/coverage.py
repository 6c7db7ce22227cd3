"""How often the interval covers the truth, on simulated latencies of a known speed-up."""

import numpy as np
from scipy.stats import binomtest

from optim.timing.measurement import (
    BASELINE,
    CANDIDATE,
    MODEL_BYTES,
    Rounds,
    Slice,
    Summary,
)
from optim.timing.stats import summarize
from optim.timing.stopping import StoppingRule, measured

TRUTH = 1.7
SPREADS = (0.0, 0.01, 0.02, 0.03)
LARGE, LARGE_SPREAD = 300_000_000, 0.05
"""Bytes of a model that no cache holds, and how far processes were apart with one."""
_WANTED = 0.95


def simulated_slice(
    rng: np.random.Generator, speedup: float, spread: float, model_bytes: int = 0
) -> Slice:
    """Latencies as machines give them: skewed, with spikes, disturbed rounds, unlike processes.

    Args:
        speedup: the true one, baseline over candidate.
        spread: standard deviation between processes of the log of the speed-up.
    """
    rounds, runs = 12, 15
    level = 1e6 * np.exp(rng.normal(0, 0.05))  # this process in this minute, for both arms
    own = np.exp(rng.normal(0, spread))  # what sets the two arms apart in this process

    def arm(typical: float) -> Rounds:
        noise = rng.lognormal(0, 0.03, (rounds, runs))
        spikes = 1 + (rng.random((rounds, runs)) < 0.03) * rng.pareto(1.5, (rounds, runs))
        disturbed = 1 + 0.3 * (rng.random((rounds, 1)) < 0.05)
        found: Rounds = (typical * noise * spikes * disturbed).astype(int).tolist()
        return found

    arms = {CANDIDATE: arm(level), BASELINE: arm(level * speedup * own)}
    where = {MODEL_BYTES: str(model_bytes)}
    return Slice(arms=arms, started_at="simulated", load_average=0, environment=where)


def simulated(rng: np.random.Generator, spread: float, model_bytes: int = 0) -> Summary:
    """A measurement that stops as a trial's does."""
    rule = StoppingRule.of_settings()
    return summarize(
        measured(rule, lambda number, seconds: simulated_slice(rng, TRUTH, spread, model_bytes))
    )


def table(tries: int) -> tuple[str, bool]:
    """Coverage at each spread in Markdown, and whether none is clearly below 95 %."""
    lines = [f"| spread between processes | covered in {tries} | processes |", "|---|---|---|"]
    fine = True
    for spread, size in [*((spread, 0) for spread in SPREADS), (LARGE_SPREAD, LARGE)]:
        rng = np.random.default_rng(int(1000 * spread))
        found = [simulated(rng, spread, size) for _ in range(tries)]
        hits = sum(one.speedup.low <= TRUTH <= one.speedup.high for one in found)
        share = binomtest(hits, tries).proportion_ci()
        fine &= share.high >= _WANTED
        processes = np.mean([one.processes for one in found])
        covered = f"{hits / tries:.1%} ({share.low:.1%} to {share.high:.1%})"
        large = " (a large model)" if size else ""
        lines.append(f"| {spread:.0%}{large} | {covered} | {processes:.1f} |")
    return "\n".join(lines), fine
