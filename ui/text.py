"""How values read in the page: numbers with units, intervals, text from outside made harmless."""

import re

from optim.findings import Interval

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:^&])")


def plain(text: str) -> str:
    """Text shown as it is, whatever Markdown is in it: names come from hostile files too."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def milliseconds(value: float) -> str:
    """A time in ms with three significant digits, in us below 0.1 ms and in s from 10 s."""
    if value < 0.1:
        return f"{value * 1e3:.3g} µs"
    if value >= 10_000:
        return f"{value / 1e3:.3g} s"
    return f"{value:.3g} ms" if value < 1000 else f"{value:,.0f} ms"


def size(value: float) -> str:
    """Bytes, in the decimal unit that fits."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}" if value < 1e3 * factor else f"{value:,.0f} B"
    return f"{value:.0f} B"


def count(value: float) -> str:
    """A large count, such as FLOPs, with its SI prefix."""
    for prefix, factor in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.0f} "


def times(value: Interval) -> str:
    """A speed-up with its 95 % interval."""
    return f"{value.value:.2f}× ({value.low:.2f} to {value.high:.2f})"


def seconds(value: float) -> str:
    """A duration to wait for."""
    return f"{value:.0f} s" if value < 90 else f"{value / 60:.0f} min"


def is_number(text: str) -> bool:
    """Whether an address's text may be a trial's number; Python refuses very long ones."""
    return text.strip().isdecimal() and len(text) < 10
