"""Numbers read well, and text from hostile files is shown as it is."""

import pytest

from optim.findings import Interval
from ui import text


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0514, "51.4 µs"), (0.8111, "0.811 ms"), (123.4, "123 ms"), (1568.2, "1,568 ms"),
     (20_000, "20 s")],
)  # fmt: skip
def test_milliseconds(value: float, shown: str) -> None:
    assert text.milliseconds(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(12, "12 B"), (4_366_655, "4.37 MB"), (1_170, "1.17 kB"), (2.5e9, "2.5 GB")],
)
def test_size(value: float, shown: str) -> None:
    assert text.size(value) == shown


def test_times_shows_the_interval() -> None:
    assert text.times(Interval(value=2, low=1.9, high=2.125)) == "2.00× (1.90 to 2.12)"


@pytest.mark.parametrize(
    "hostile",
    ["![x](http://example.com/x.png)", "[click](javascript:1)", ":red[a] $x^2$", "<img src=x>",
     "a\n\n# heading", "`code`", "**bold** _it_ ~~no~~", "&lt;b&gt;"],
)  # fmt: skip
def test_plain_leaves_no_markdown(hostile: str) -> None:
    shown = text.plain(hostile)
    bare = shown.replace("\\", "")
    assert bare == " ".join(hostile.split())
    for mark in "[]()<>!$:`*_#~&":
        assert shown.count(mark) == shown.count(f"\\{mark}")


def test_numbers_in_an_address_are_bounded():
    assert [text.is_number(t) for t in ("12", " 7 ", "", "-1", "1.5", "9" * 5000)] == [
        *(True, True, False, False, False, False)
    ]
