"""Times of different moments made comparable: each where its paired ratio with the original has it.

A machine that others use is busier at one time than at another. A ratio is paired with runs of the
original in turns, so it holds; the bare times of two trials may order them the other way round.
"""

from optim.findings import Caution, Interval
from optim.timing.measurement import Summary

_TOLD = 1.1
"""From this factor on, it is said that the machine was busier, or less busy."""


def beside(summary: Summary, original_ms: float) -> Summary:
    """The same, its times as where the original takes `original_ms` a run on one thread.

    The median's interval is that of the ratio; other times of runs move with the median. Where the
    ratio is vague nothing follows from it, and they stay as they were timed.
    """
    gain = summary.gain
    if gain.vague:
        return summary
    p50 = Interval(
        value=original_ms / gain.value, low=original_ms / gain.high, high=original_ms / gain.low
    )
    slowed = summary.p50_ms.value / p50.value
    return summary.model_copy(
        update={
            "p50_ms": p50,
            "percentiles": {n: _over(at, slowed) for n, at in summary.percentiles.items()}
            | {"p50": p50},
            "throughput_per_s": summary.throughput_per_s * slowed,
            "baseline_p50_ms": summary.baseline_p50_ms / slowed,
            "slowed": slowed,
            "warnings": (*summary.warnings, *busier(slowed)),
        }
    )


def busier(slowed: float) -> tuple[Caution, ...]:
    """What is said of times that were taken while the original ran so many times as long."""
    if 1 / _TOLD < slowed < _TOLD:
        return ()
    long, busy = f"{slowed:.2f} times as long", "busier"
    if slowed < 1:
        long, busy = f"{1 / slowed:.2f} times as fast", "less busy"
    text = (
        f"The original ran {long} beside this as by itself: the machine was {busy}. Times here are "
        "scaled to the original's own; the paired ratio holds."
    )
    return (Caution(code="other_moment", text=text, severity="info"),)


def _over(time: Interval, slowed: float) -> Interval:
    return Interval(value=time.value / slowed, low=time.low / slowed, high=time.high / slowed)
