"""What limits the worth of a measurement, as data."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from optim.findings import Caution, percent
from optim.runtimes.base import PRECISION, PRECISION_ASKED
from optim.timing.measurement import BASELINE, Slice, Summary

SHORT_MS = 0.1
"""A shorter run costs about what calling an engine does."""
_DRIFT = 0.05
_CONTENTION = 0.05
_TAILS = ("p90", "p95", "p99")


_BY_CONTENT = {"NonZero", "NonMaxSuppression", "Loop", "If", "Scan", "Unique", "Compress"}


def by_content(synthetic: bool, ops: Mapping[str, int]) -> Caution | None:
    """A caution where inputs are made up and operators do more or less work by what is in them."""
    found = sorted(op for op in ops if op.rpartition(".")[2] in _BY_CONTENT)
    if not synthetic or not found:
        return None
    text = (
        f"The inputs are made up, and the time of {', '.join(found)} depends on what is in them: "
        "real inputs may take much longer. Measure with an EvalSet of real ones."
    )
    return Caution(code="time_depends_on_content", text=text)


def cautions(slices: Sequence[Slice], summary: Summary) -> tuple[Caution, ...]:
    """Every warning that applies to these slices and what was derived from them."""
    return (
        *_on_samples(summary),
        *_on_machine(slices),
        *_on_others(summary),
        *_on_engine(slices[-1]),
    )


def _on_samples(summary: Summary) -> Iterator[Caution]:
    if summary.provisional:
        yield Caution(
            code="provisional",
            text=f"Timed in {summary.processes} of at least 3 processes so far: the interval rests "
            "on what such timings usually vary by.",
            severity="info",
        )
    missing = [name for name in _TAILS if name not in summary.percentiles]
    if missing:
        yield Caution(
            code="too few samples",
            text=f"{summary.runs} runs do not support {' and '.join(missing)}.",
            severity="warning" if _TAILS[0] in missing else "info",
        )
    if summary.p50_ms.value < SHORT_MS:
        yield Caution(
            code="sample shorter than 100 us",
            text=f"A run takes less than {SHORT_MS * 1e3:.0f} µs: calling the engine weighs as "
            "much as the model does.",
        )
    if summary.speedup.low <= 1 <= summary.speedup.high:
        yield Caution(
            code="no difference shown",
            text="The speed-up's interval contains 1: no difference from the baseline is shown.",
            severity="info",
        )


def _on_machine(slices: Sequence[Slice]) -> Iterator[Caution]:
    drift = float(np.median([_drift(piece) for piece in slices]))
    if abs(drift) > _DRIFT:
        yield Caution(
            code="drifting",
            text=f"Runs got {percent(abs(drift))} {'slower' if drift > 0 else 'faster'} within a "
            "second or so: absolute times depend on when they are taken.",
        )
    levels = [float(np.median(piece.block_medians(BASELINE))) for piece in slices]
    if max(levels) > (1 + 2 * _DRIFT) * min(levels):
        yield Caution(
            code="machine speed changed",
            text=f"The baseline took {percent(max(levels) / min(levels) - 1)} longer in one "
            "process than in another. Speed-ups are paired and stay valid; absolute times vary "
            "that much.",
        )


def _on_others(summary: Summary) -> Iterator[Caution]:
    if summary.contention > _CONTENTION:
        yield Caution(
            code="noisy machine",
            text=f"Other work took {percent(summary.contention)} of the time on the cores that "
            "were timed.",
        )


def _drift(piece: Slice) -> float:
    """Log change of the baseline's time from the first half of the rounds to the second."""
    medians = piece.block_medians(BASELINE)
    half = len(medians) // 2
    if half < 2:
        return 0.0
    return float(np.log(np.median(medians[-half:]) / np.median(medians[:half])))


def _on_engine(piece: Slice) -> Iterator[Caution]:
    asked, executed = piece.facts.get(PRECISION_ASKED), piece.facts.get(PRECISION)
    if asked != executed:
        yield Caution(
            code="precision not available",
            text=f"{asked} was asked for, but this CPU has no instructions for it: the engine "
            f"computed in {executed}.",
        )
    threads, cores = piece.facts.get("threads", ""), piece.environment.get("pinned_to", "").split()
    if threads.isdigit() and cores and int(threads) > len(cores):
        yield Caution(
            code="more threads than cores",
            text=f"{threads} threads shared {len(cores)} cores.",
        )
