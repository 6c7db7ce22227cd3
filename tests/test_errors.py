"""A library's error as a line."""

import pytest

from optim.errors import first_line, one_line


@pytest.mark.parametrize(
    ("error", "first", "one"),
    [
        (ValueError("  bad\nand\tmore "), "bad", "bad and more"),
        (KeyError(), "KeyError", "KeyError"),
        (RuntimeError("\n"), "RuntimeError", "RuntimeError"),
        (RuntimeError("x" * 999), "x" * 200, "x" * 500),
    ],
)
def test_it_is_never_empty_nor_long(error: Exception, first: str, one: str) -> None:
    assert (first_line(error), one_line(error)) == (first, one)
