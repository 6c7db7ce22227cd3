"""Spellings of passes and runtimes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.part_values import parts

from optim.errors import InputError
from optim.part import parse_part
from optim.passes.base import all_passes
from optim.recipe import Recipe
from optim.runtimes.base import all_runtimes

KNOWN = {**all_passes(), **all_runtimes()}


@pytest.mark.parametrize("name", list(KNOWN))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_a_spelling_reads_back_to_the_same_part(name: str, data: st.DataObject) -> None:
    part = data.draw(parts(KNOWN[name]))
    assert parse_part(part.spelling, KNOWN) == part
    assert parse_part(part.spelling, KNOWN).spelling == part.spelling
    assert not set(part.spelling) & set("+ \n"), "a recipe is split at these"


@pytest.mark.parametrize("name", list(KNOWN))
def test_defaults_are_left_out(name: str) -> None:
    assert KNOWN[name]().spelling == name


def test_spaces_around_settings_do_not_matter() -> None:
    part = parse_part(" static_int8: samples = 5 , calibration = entropy ", KNOWN)
    assert part.spelling == "static_int8:calibration=entropy,samples=5"


def test_lists_and_truths_are_spelled_plainly() -> None:
    part = parse_part("static_int8:chain=false,exclude=/a/Conv|b", KNOWN)
    assert part.model_dump(include={"chain", "exclude"}) == {
        "chain": False,
        "exclude": ("/a/Conv", "b"),
    }
    assert part.spelling == "static_int8:chain=false,exclude=/a/Conv|b"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "no part named 'nonsense'"),
        ("", "no part named ''"),
        ("fp16:bits=8", "fp16 has no setting 'bits'"),
        ("fp16:keep_op_types", "fp16 has no setting 'keep_op_types'"),
        ("static_int8:samples=0", "samples='0'"),
        ("static_int8:samples=many", "samples='many'"),
        ("static_int8:calibration=best", "calibration='best'"),
        ("magnitude_prune:sparsity=nan", "sparsity='nan'"),
        ("magnitude_prune:sparsity=1.0", "sparsity='1.0'"),
    ],
)
def test_errors_name_the_part_the_setting_and_the_value(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_part(text, KNOWN)
    assert said in caught.value.what
    assert caught.value.next_step


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_part_or_one_clear_error(text: str) -> None:
    try:
        parse_part(text, KNOWN)
    except InputError as error:
        assert error.what


def test_a_wrong_value_is_not_told_at_length() -> None:
    with pytest.raises(InputError, match="threads=") as caught:
        Recipe.parse(f"onnxruntime:threads={'9' * 5000}")
    assert len(str(caught.value)) < 300
