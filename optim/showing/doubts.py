"""Where a measurement here contradicts the estimates: it is said, and they are widened.

An estimate counts arithmetic and bytes; what an engine makes of a recipe it cannot know.
Where the recipe was slower here and the estimates for CPUs have it faster (or the other way round),
the same may hold there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from optim.findings import Interval
from optim.showing import text
from optim.showing.hardware import Bar
from optim.targets import all_targets

DOUBTED = "doubtful: measured otherwise here, so the interval is wider"
_NEAR = 1.1
"""Speed-ups closer than this factor are no contradiction, on whichever side of 1 they lie."""


def doubted(bars: Sequence[Bar], of: str, original: str, measured: Interval) -> list[Bar]:
    """The bars, those of `of` that are contradicted widened as far as the measurement was off.

    Args:
        bars: of `of` and of `original`, on any hardware.
        measured: the paired speed-up of `of` over `original` on this machine.
    """
    gains = _contradicted(bars, of, original, measured)
    return [
        _widened(bar, gains[bar.target] / measured.value)
        if bar.of == of and bar.target in gains
        else bar
        for bar in bars
    ]


def contradiction(bars: Sequence[Bar], of: str, original: str, measured: Interval) -> str:
    """What stands against what, in a sentence or two; empty where nothing does."""
    gains = sorted(_contradicted(bars, of, original, measured).values())
    if not gains:
        return ""
    ends = dict.fromkeys(map(text.times, (gains[0], gains[-1])))
    few = "CPU" if len(gains) == 1 else f"{len(gains)} CPUs"
    return (
        f"Measurement and estimates disagree: here {of} was measured at "
        f"{text.spanned(measured, text.times)} the speed of the {original}; estimated for {few} "
        f"it is {' to '.join(ends)}. An estimate counts arithmetic and bytes, not what an engine "
        "makes of them: its intervals are drawn wider, and only a measurement there decides."
    )


def _contradicted(
    bars: Sequence[Bar], of: str, original: str, measured: Interval
) -> Mapping[str, float]:
    """The estimated speed-up by target, for CPUs where it lies on the other side of 1."""
    times = {(bar.target, bar.of): bar.time.value for bar in bars if bar.time and not bar.measured}
    gains = {
        name: times[name, original] / times[name, of]
        for name, target in all_targets().items()
        if target.kind == "cpu" and (name, of) in times and (name, original) in times
    }
    return {
        name: gain
        for name, gain in gains.items()
        if (measured.high < 1 < gain and gain > _NEAR * measured.value)
        or (gain < 1 < measured.low and measured.value > _NEAR * gain)
    }


def _widened(bar: Bar, off: float) -> Bar:
    """An estimate that may be off by as much as it was here."""
    assert bar.time
    time = bar.time
    wide = Interval(
        value=time.value,
        low=min(time.low, time.value * off),
        high=max(time.high, time.value * off),
    )
    return replace(bar, time=wide, said=(*bar.said, DOUBTED), doubted=True)
