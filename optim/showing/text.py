"""How values read, wherever they are shown: numbers with their units and intervals."""

import re
from collections.abc import Callable

from optim import findings
from optim.findings import Interval
from optim.timing.measurement import Summary

_NUMBER = re.compile(r"[-+]?[\d,.]+(?:e[-+]?\d+)?")
Show = Callable[[float], str]


SHORT_MS = 0.1
"""Times below it are told in µs."""


def milliseconds(value: float) -> str:
    """A time in ms with three significant digits, in us below 0.1 ms and in s from 10 s."""
    if value < SHORT_MS:
        return f"{value * 1e3:.3g} µs"
    if value >= 10_000:
        return f"{value / 1e3:.3g} s"
    return f"{value:.3g} ms" if value < 1000 else f"{value:,.0f} ms"


def time_unit(slowest: float) -> tuple[str, float]:
    """The unit of an axis or a column of times, and how many of it are a ms.

    Args:
        slowest: the longest of the times, ms.
    """
    return ("µs", 1e3) if slowest < SHORT_MS else ("ms", 1.0)


def size(value: float) -> str:
    """Bytes, in the decimal unit that fits."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}" if value < 1e3 * factor else f"{value:,.0f} B"
    return f"{value:.0f} B"


def megabytes(value: float) -> str:
    """A size that is known in MB."""
    return size(value * 1e6)


def count(value: float) -> str:
    """A large count, such as FLOPs, with its SI prefix."""
    for prefix, factor in (("P", 1e15), ("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.0f} "


def whole(value: float) -> str:
    """A small count."""
    return f"{value:,.0f}"


def times(value: float) -> str:
    """A speed-up. Hundreds have no decimals, which nothing measured would carry."""
    return f"{value:.2f}×" if value < 100 else f"{value:,.0f}×"


def percent(share: float) -> str:
    """A share in %, never "-0.00 %"."""
    return findings.percent(share, 2)


def seconds(value: float) -> str:
    """A duration to wait for."""
    return f"{value:.0f} s" if value < 90 else f"{value / 60:.0f} min"


NOT_SETTLED = "not settled"
"""In place of an interval that says nothing."""


def spanned(value: Interval, show: Show) -> str:
    """A value with its 95 % interval, if it has one: "2.00 ms (1.90 to 2.12)"."""
    between = ends(value, show)
    return f"{show(value.value)} ({between})" if between else show(value.value)


def ends(value: Interval, show: Show) -> str:
    """An interval's ends; without the unit where all have the value's. Empty for an exact value.

    Of a ratio whose ends say nothing (see `Interval.vague`) it is said that it is not settled.
    """
    if value.low == value.high:
        return ""
    if show is times and value.vague:
        return NOT_SETTLED
    shown = [show(end) for end in (value.value, value.low, value.high)]
    numbers = [found[0] if (found := _NUMBER.match(text)) else "" for text in shown]
    units = {text.removeprefix(number) for text, number in zip(shown, numbers, strict=True)}
    _, low, high = numbers if len(units) == 1 and all(numbers) else shown
    return f"{low} to {high}"


def timed(summary: Summary) -> str:
    """How much a measurement rests on."""
    processes = f"{summary.processes} process{'es' if summary.processes != 1 else ''}"
    return f"{summary.runs:,} runs in {processes}"
