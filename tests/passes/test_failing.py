"""Nodes on which a library fails are found, left out and named."""

import onnx
import pytest
from support import pass_models

from optim.errors import StepError
from optim.passes.static_int8 import StaticInt8
from optim.passes.support.failing import without_failing

NAMES = [f"n{i}" for i in range(40)]


def attempt(*bad: str, together: bool = False):
    tried = []

    def run(names: list[str]) -> list[str]:
        tried.append(names)
        hit = set(bad).issubset(names) if together else set(bad).intersection(names)
        if hit:
            raise ValueError("the library fails")
        return names

    return run, tried


def test_nothing_fails_in_one_try() -> None:
    run, tried = attempt()
    assert without_failing(NAMES, run) == (NAMES, ())
    assert len(tried) == 1


def test_one_of_forty_is_found_in_few_tries() -> None:
    run, tried = attempt("n17")
    result, failed = without_failing(NAMES, run)
    assert failed == ("n17",) and "n17" not in result and len(result) == 39
    assert len(tried) < 20


def test_two_that_fail_only_together() -> None:
    run, _ = attempt("n1", "n30", together=True)
    result, failed = without_failing(NAMES, run)
    assert result and not {"n1", "n30"} <= set(result)
    assert failed


def test_where_all_fail_there_is_no_result() -> None:
    run, _ = attempt(*NAMES[:4])
    assert without_failing(NAMES[:4], run) == (None, tuple(NAMES[:4]))


def test_too_many_tries_give_the_library_s_own_error() -> None:
    run, tried = attempt(*NAMES[::2])
    with pytest.raises(ValueError, match="the library fails"):
        without_failing(NAMES, run)
    assert len(tried) <= 26


@pytest.mark.parametrize("error", [MemoryError(), StepError("No.", "Stop.")])
def test_what_is_no_library_s_failure_is_not_searched(error: Exception) -> None:
    def run(names: list[str]) -> None:
        raise error

    with pytest.raises(type(error)):
        without_failing(NAMES, run)


def test_static_int8_goes_on_without_the_node_and_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    once = StaticInt8._once

    def failing(self, model: onnx.ModelProto, names: list[str], *rest: object) -> onnx.ModelProto:
        if "second" in names:
            raise KeyError("w2_quantized")
        return once(self, model, names, *rest)

    monkeypatch.setattr(StaticInt8, "_once", failing)
    outcome = StaticInt8().run(pass_models.load("cnn"), pass_models.context("cnn"))
    said = (
        "1 of 2 Conv nodes were quantized; left in float, since the library failed on them: second."
    )
    assert said in outcome.notes
