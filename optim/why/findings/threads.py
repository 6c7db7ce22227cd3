"""Threads that idle or fight: more of them than the model, or the machine, has use for."""

from collections.abc import Iterator

from optim.timing.measurement import Summary
from optim.why.evidence import Evidence
from optim.why.finding import Finding
from optim.why.mending import changed
from optim.why.saying import spread

_VAGUE = 4.0  # an interval whose ends are further apart says nothing
_WORTH = 1.2  # what several threads must bring over one, that they are worth their cores
_DOUBT = 1.5  # what they may bring at most, by the interval, where they are said to bring little
_BUSY = 0.1  # of the time others had the cores: threads are not to blame then


def find(seen: Evidence) -> Iterator[Finding]:
    """Several threads that are more than the cores, or bring little over one."""
    threads, summary = seen.recipe.runtime.threads, seen.trial.summary
    if threads == 1 or summary is None:
        return
    gain = summary.thread_gain
    crowded = threads > seen.here.cores
    if not crowded and not _bring_little(summary):
        return
    known = gain is not None and gain.high < _VAGUE * gain.low
    brought = f" They bring the original {spread(gain)}." if gain and known else ""
    what = (
        f"{threads} threads share {seen.here.cores} cores and wait for each other."
        if crowded
        else f"{threads} threads hardly help: the operators are too small to share, and those that "
        "wait spin on their cores."
    )
    fewer = seen.here.cores if crowded else 1
    yield Finding(
        text=what + brought,
        advice=f"Use {fewer} thread{'s' if fewer > 1 else ''} for each run, and the other cores "
        "for other runs.",
        recipe=changed(seen.recipe, seen.engine, threads=fewer),
    )


def _bring_little(summary: Summary) -> bool:
    gain = summary.thread_gain
    if gain is None or summary.contention > _BUSY:
        return False
    return gain.value <= _WORTH and gain.high <= _DOUBT
