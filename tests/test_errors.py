"""A library's error as a line."""

import pytest

from optim.errors import InputError, first_line, one_line
from optim.recipe import Recipe


@pytest.mark.parametrize(
    ("error", "first", "one"),
    [
        (ValueError("  bad\nand\tmore "), "bad", "bad and more"),
        (KeyError(), "KeyError", "KeyError"),
        (RuntimeError("\n"), "RuntimeError", "RuntimeError"),
        (RuntimeError("x" * 999), "x" * 200, "x" * 500),
        (ExceptionGroup("some", [KeyError()]), "some (1 sub-exception)", "some (1 sub-exception)"),
    ],
)
def test_it_is_never_empty_nor_long(error: Exception, first: str, one: str) -> None:
    assert (first_line(error), one_line(error)) == (first, one)


def test_of_values_that_do_not_fit_it_is_the_first_with_its_place() -> None:
    with pytest.raises(InputError, match=r"Not a recipe file \(name: Field required\)"):
        Recipe.from_stored({"passes": [], "runtime": {}})
