"""What an explanation says of itself."""

from types import SimpleNamespace
from typing import cast

import pytest
from support.trials import around

from optim.why.explanation import Why
from optim.why.told import doubt, title_of_findings


@pytest.mark.parametrize(
    ("speedup", "is_original", "findings", "said"),
    [
        (0.7, False, (), "It is slower"),
        (0.7, False, ("a finding",), "What did not go as hoped"),
        (1.5, False, (), "Nothing went worse"),
        (0.7, True, (), "Nothing went worse"),
    ],
)
def test_what_is_slower_went_worse_than_hoped_even_where_no_cause_was_found(
    speedup: float, is_original: bool, findings: tuple[str, ...], said: str
) -> None:
    found = SimpleNamespace(speedup=around(speedup), is_original=is_original, findings=findings)
    assert title_of_findings(cast("Why", found)).startswith(said)


def test_a_profile_far_longer_than_its_run_is_doubted() -> None:
    assert "0.3 ms, but a run takes 0.1 ms" in doubt((0.11, 0.3), (0.1, 0.1))
    assert doubt((0.11, 0.14), (0.1, 0.1)) == ""
