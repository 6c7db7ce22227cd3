"""Numbers read well."""

import re

import pytest
from support.paths import ROOT

from optim.findings import Interval, percent
from optim.metrics.base import find_metric
from optim.showing import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0514, "51.4 µs"), (0.8111, "0.811 ms"), (123.4, "123 ms"), (1568.2, "1,568 ms"),
     (20_000, "20 s")],
)  # fmt: skip
def test_milliseconds(value: float, shown: str) -> None:
    assert text.milliseconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (12, "12 B"),
        (4_366_655, "4.37 MB"),
        (1_170, "1.17 kB"),
        (2.5e9, "2.5 GB"),
        (3.35e12, "3.35 TB"),
    ],
)
def test_size(value: float, shown: str) -> None:
    assert text.size(value) == shown


def test_an_interval_names_its_unit_once() -> None:
    assert (
        text.spanned(Interval(value=2, low=1.9, high=2.125), text.times) == "2.00× (1.90 to 2.12)"
    )
    assert text.spanned(exactly(2), text.times) == "2.00×"
    assert text.ends(exactly(2), text.times) == ""
    near_a_second = Interval(value=0.11, low=0.09, high=0.12)
    assert text.spanned(near_a_second, text.milliseconds) == "0.11 ms (90 µs to 0.12 ms)"
    large = Interval(value=2e9, low=1.5e9, high=3e9)
    assert text.ends(large, text.size) == "1.5 to 3"
    assert text.ends(Interval(value=1, low=-1, high=float("inf")), str) == "-1.0 to inf"


def exactly(value: float) -> Interval:
    return Interval(value=value, low=value, high=value)


def test_nothing_is_less_than_nothing() -> None:
    assert text.percent(-1e-9) == "0.00 %" and text.percent(-0.012) == "-1.20 %"
    assert find_metric("top1").show(-1e-9) == "0.00 %"


def test_a_count_of_any_size_has_its_prefix() -> None:
    assert text.count(1.98e15) == "1.98 P" and text.count(2e12) == "2 T"


def test_shares_are_spelled_in_one_place() -> None:
    """A format such as `:.0%` writes "9%" where all else reads "9 %"."""
    written = re.compile(r"(?<!%)\{[^{}\n]*:[,.\d]*%\}")
    files = (file for part in ("optim", "ui", "pages") for file in (ROOT / part).rglob("*.py"))
    assert not [file for file in files if written.search(file.read_text(encoding="utf-8"))]
    assert percent(0.0934) == "9 %" and percent(0.0934, 1) == "9.3 %" and percent(-1e-9) == "0 %"
