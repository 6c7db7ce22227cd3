"""Values on the command line, as people write them."""

import argparse
import re
from collections.abc import Callable, Mapping


def names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def seconds(text: str) -> float:
    """Read a duration such as `60`, `60s`, `5m`."""
    return _with_unit(text, {"": 1, "s": 1, "m": 60}, "duration; write 60s or 5m")


def milliseconds(text: str) -> float:
    """Read a short duration in ms: `2`, `2ms`, `500us`, `1s`."""
    units = {"": 1, "us": 1e-3, "µs": 1e-3, "ms": 1, "s": 1e3}
    return _with_unit(text, units, "duration; write 2ms or 1s")


def megabytes(text: str) -> float:
    """Read a size in MB: `5`, `5MB`, `800kB`, `1.5GB`."""
    units = {"": 1, "kb": 1e-3, "mb": 1, "gb": 1e3}
    return _with_unit(text.lower(), units, "size; write 5MB or 1.5GB")


def share(text: str) -> float:
    """Read a share such as `1%` or `0.01`; `1` is refused, for it may be meant as either."""
    value = _with_unit(text, {"": 1, "%": 0.01}, "share; write 1% or 0.01")
    if value >= 1 and not text.endswith("%"):
        raise argparse.ArgumentTypeError(f"{text!r} may be {text} % or all; write {text}% or 100%")
    return value


def score(text: str) -> float:
    """Read a metric's value such as `0.9`, `90%` or `-2`."""
    minus = text.startswith("-")
    value = _with_unit(text.removeprefix("-"), {"": 1, "%": 0.01}, "score; write 0.9 or 90%")
    return -value if minus else value


def _with_unit(text: str, units: Mapping[str, float], wanted: str) -> float:
    """A number and one of these units behind it, in the unit that is 1."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+) ?(\D*)", text)
    if not match or match[2] not in units:
        raise argparse.ArgumentTypeError(f"{text!r} is no {wanted}")
    return float(match[1]) * units[match[2]]


def above_zero(read: Callable[[str], float]) -> Callable[[str], float]:
    """The same, refusing 0."""

    def checked(text: str) -> float:
        if value := read(text):
            return value
        raise argparse.ArgumentTypeError(f"{text!r} is not above 0")

    return checked


def amount(text: str) -> float:
    """Read a number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value


def rates(text: str) -> list[float]:
    """Read rates such as `50,100,200`."""
    return [amount(one) for one in text.split(",")]


def count(text: str) -> int:
    """Read a whole number above 0."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")
    return int(text)


def dimension(text: str) -> tuple[str, int]:
    """Read `NAME=N`."""
    name, _, value = text.rpartition("=")
    if not name or not value.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no dimension; write NAME=N, such as seq=128")
    return name, int(value)
