"""What is found in cases is held against what is there; every case can be made."""

import onnx
import pytest

from bench.findings import first, fourth, second, third
from bench.findings.case import Case, drawn, written
from bench.findings.report import Told
from optim.recipe import Recipe
from optim.why.finding import Finding
from optim.why.findings import finders

CASES = [case for one in (first, second, third, fourth) for case in (*one.POSITIVE, *one.CLEAN)]
SLOW = Finding(code="slow_kernel", text="Conv_1 is slow.", nodes=("Conv_1",))
THREADS = Finding(code="threads", text="Two share one core.")


def model() -> onnx.ModelProto:
    return written("(float[2,3] x, int64[4] i) => (float[2,3] y) { y = Relu(x) }")


@pytest.mark.parametrize(
    ("code", "names", "also", "found", "right", "beside"),
    [
        ("slow_kernel", "conv_1", (), (SLOW,), True, []),
        ("slow_kernel", "conv_2", (), (SLOW,), False, []),
        ("slow_kernel", "", (), (THREADS,), False, ["threads"]),
        ("slow_kernel", "", ("threads",), (SLOW, THREADS), True, []),
        ("", "", (), (), True, []),
        ("", "", (), (THREADS,), False, ["threads"]),
    ],
)
def test_a_cause_is_named_or_not_and_nothing_else_is_said(
    code: str,
    names: str,
    also: tuple[str, ...],
    found: tuple[Finding, ...],
    right: bool,
    beside: list[str],
) -> None:
    told = Told(Case("a case", model, code, names=names, also=also), found)
    assert told.right is right and told.beside == beside


def test_what_could_not_be_looked_at_is_not_right() -> None:
    assert not Told(Case("a case", model), error="It did not run.").right


def test_samples_follow_the_inputs() -> None:
    arrays = drawn(model(), 5)
    assert arrays["x"].shape == (5, 2, 3) and arrays["i"].shape == (5, 4)
    assert arrays["i"].min() > 0


def test_cases_name_findings_and_recipes_that_there_are() -> None:
    assert {case.code for case in CASES if case.code} <= finders().keys()
    assert all(Recipe.parse(case.recipe) for case in CASES)
    assert len({case.title for case in CASES}) == len(CASES)
