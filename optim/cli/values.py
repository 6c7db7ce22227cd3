"""Values on the command line, as people write them."""

import argparse
import re


def names(text: str) -> tuple[str, ...]:
    """Read names with commas between them."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def seconds(text: str) -> float:
    """Read a duration such as `60`, `60s`, `5m`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 60s or 5m")
    return float(match[1]) * (60 if match[2] == "m" else 1)


def milliseconds(text: str) -> float:
    """Read a short duration in ms: `2ms`, `0.5ms`, `1s`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration; write 2ms or 1s")
    return float(match[1]) * (1e3 if match[2] == "s" else 1)


def share(text: str) -> float:
    """Read a share such as `1%` or `0.01`."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(%|)", text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no share; write 1% or 0.01")
    return float(match[1]) / (100 if match[2] else 1)


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
