"""What an explanation says of itself."""

from types import SimpleNamespace
from typing import cast

import pytest
from support.trials import around

from optim.why.explanation import Why
from optim.why.finding import Finding
from optim.why.saying import signed
from optim.why.told import doubt, headline, title_of_findings


@pytest.mark.parametrize(
    ("speedup", "is_original", "findings", "said"),
    [
        (0.7, False, (), "It is slower"),
        (0.7, False, (Finding(text="Slow."),), "What did not go as hoped"),
        (1.5, False, (Finding(text="True.", note=True),), "Nothing went worse"),
        (1.5, False, (), "Nothing went worse"),
        (0.7, True, (), "Nothing went worse"),
    ],
)
def test_what_is_slower_went_worse_than_hoped_even_where_no_cause_was_found(
    speedup: float, is_original: bool, findings: tuple[Finding, ...], said: str
) -> None:
    found = SimpleNamespace(speedup=around(speedup), is_original=is_original, findings=findings)
    assert title_of_findings(cast("Why", found)).startswith(said)


def test_a_profile_far_longer_than_its_run_is_doubted() -> None:
    assert "0.3 ms, but a run takes 0.1 ms" in doubt((0.11, 0.3), (0.1, 0.1))
    assert doubt((0.11, 0.14), (0.1, 0.1)) == ""


def test_of_a_run_as_short_as_the_profilers_clock_the_shares_are_doubted() -> None:
    assert "whole microseconds" in doubt((0.01, 0.012), (0.0096, 0.01))
    assert "but a run takes" in doubt((0.01, 0.05), (0.01, 0.01))


@pytest.mark.parametrize(
    ("speedup", "change_ms", "said"),
    [
        (1.0, 0.1, ", so no difference is shown. Most changed Cast, which costs 0.1 ms a run."),
        (0.5, 0.1, ". Most of that is Cast, which costs"),
        (2.0, -0.1, ". Most of that is Cast, which saves"),
        (2.0, 0.1, ". Most changed Cast, which costs"),
    ],
)
def test_only_a_difference_that_is_shown_is_put_down_to_an_operator(
    speedup: float, change_ms: float, said: str
) -> None:
    bar = SimpleNamespace(op="Cast", change_ms=around(change_ms))
    flow = SimpleNamespace(before_ms=1.0, after_ms=1.0 / speedup, bars=(bar,))
    found = SimpleNamespace(speedup=around(speedup), is_original=False, findings=(), waterfall=flow)
    assert said in headline(cast("Why", found))


@pytest.mark.parametrize(
    ("change_ms", "said"), [(-9.25e-15, "+0 µs"), (-0.2, "-0.2 ms"), (0.0005, "+0.5 µs")]
)
def test_what_rounding_leaves_is_no_change(change_ms: float, said: str) -> None:
    assert signed(change_ms) == said
