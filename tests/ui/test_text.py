"""Text from hostile files is shown as it is."""

import pytest

from ui import text


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


def test_a_number_and_its_unit_stay_together_in_a_narrow_cell():
    shown = text.unbroken("0.2 ms (0.1 to 0.3), 9 % of 4 servers")
    assert shown.replace("\N{NO-BREAK SPACE}", "_") == "0.2_ms (0.1 to 0.3), 9_% of 4 servers"


def test_numbers_in_an_address_are_bounded():
    assert [text.is_number(t) for t in ("12", " 7 ", "", "-1", "1.5", "9" * 5000)] == [
        *(True, True, False, False, False, False)
    ]
